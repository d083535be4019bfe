/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies the rows of an owner, joins them with those of a machine, and parses words by both. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/own_rows.h"

/* Room for a whole table, with its terminator. */
#define ALL_ROWS (VMM_OPTION_ROWS + VMM_MAX_OWN_ROWS)

static int check_row(const struct cvmm_option_row *given, unsigned int index, struct vsu_error *err)
{
	const struct cvmm_option_row *row = &given[index];
	const char *name = row->option.name;
	const struct vmm_option_row *same = vmm_option_named(name, strlen(name));
	unsigned int i;

	for (i = 0; i < index; i++)
		if (!strcmp(given[i].option.name, name))
			return vsu_error_set(err, -EINVAL, "two rows have the name '%s'", name);
	if (row->option.kind == VSU_OPTION_OPERAND || row->option.kind == VSU_OPTION_ALIAS)
		return vsu_error_set(err, -EINVAL, "row '%s' is an operand or an alias", name);
	return same && same->scope != VMM_SCOPE_OWNER ?
	       vsu_error_set(err, -EINVAL, "row '%s' is an option of a machine; choose another name", name) : 0;
}

static int check_rows(const struct cvmm_option_row *given, unsigned int *n, struct vsu_error *err)
{
	int rc = given ? 0 : vsu_error_set(err, -EINVAL, "own is NULL; pass a table, or call cvmm_options_new()");

	for (*n = 0; !rc && given[*n].option.name; ++*n)
		rc = *n < VMM_MAX_OWN_ROWS ? check_row(given, *n, err) :
		     vsu_error_set(err, -E2BIG, "more than %d rows", VMM_MAX_OWN_ROWS);
	return rc;
}

static void copy_row(struct vmm_option_row *to, const struct cvmm_option_row *from, unsigned int index)
{
	static const enum vmm_option_change changes[] = {
		[CVMM_CHANGE_NEVER] = VMM_CHANGE_NEVER, [CVMM_CHANGE_VALUE] = VMM_CHANGE_VALUE,
		[CVMM_CHANGE_OWN] = VMM_CHANGE_OWN, [CVMM_CHANGE_START] = VMM_CHANGE_START,
	};
	static const enum devkind_refers refers[] = {
		[CVMM_REFERS_NOTHING] = DEVKIND_REFERS_NOTHING, [CVMM_REFERS_FILE] = DEVKIND_REFERS_FILE_READ,
		[CVMM_REFERS_SERVERS] = DEVKIND_REFERS_PROGRAMS,
	};

	*to = (struct vmm_option_row){
		.option = from->option, .scope = VMM_SCOPE_OWNER, .refers = refers[from->refers],
		.change = changes[from->change], .without = from->without, .kept_value = from->kept_value,
		.own = index + 1,
	};
}

_Static_assert(1u << VMM_ORIGIN_CLONE == CVMM_WITHOUT_CLONE && 1u << VMM_ORIGIN_STREAM == CVMM_WITHOUT_STREAM,
	       "the bits of a row are those of the origins");

int vmm_own_rows_new(const struct cvmm_option_row *given, struct vmm_own_rows **out,
		     struct vsu_error *err)
{
	struct vmm_own_rows *own;
	unsigned int n, i;
	int rc = check_rows(given, &n, err);

	if (rc < 0)
		return rc;
	own = malloc(sizeof(*own) + n * sizeof(own->rows[0]));
	if (!own)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	own->refs = 1;
	own->n = n;
	for (i = 0; i < n; i++)
		copy_row(&own->rows[i], &given[i], i);
	*out = own;
	return 0;
}

struct vmm_own_rows *vmm_own_rows_ref(struct vmm_own_rows *own)
{
	if (own)
		__atomic_fetch_add(&own->refs, 1, __ATOMIC_RELAXED);
	return own;
}

void vmm_own_rows_unref(struct vmm_own_rows *own)
{
	if (own && !__atomic_sub_fetch(&own->refs, 1, __ATOMIC_ACQ_REL))
		free(own);
}

static const struct vmm_option_row *find_own(const struct vmm_own_rows *own, const char *name)
{
	unsigned int i;

	for (i = 0; own && i < own->n; i++)
		if (!strcmp(own->rows[i].option.name, name))
			return &own->rows[i];
	return NULL;
}

/*
 * The rows of the whole table: an own row is in the place of the one with its name, or behind all.
 * Without an own row --help, there is none. Returns their number.
 */
static unsigned int list_rows(const struct vmm_own_rows *own,
			      const struct vmm_option_row *all[ALL_ROWS])
{
	const struct vmm_option_row *row, *mine;
	unsigned int i, n = 0;

	for (row = vmm_option_rows; row->option.name; row++) {
		mine = find_own(own, row->option.name);
		if (mine || strcmp(row->option.name, "help") != 0)
			all[n++] = mine ? mine : row;
	}
	for (i = 0; own && i < own->n; i++)
		if (!vmm_option_named(own->rows[i].option.name, strlen(own->rows[i].option.name)))
			all[n++] = &own->rows[i];
	return n;
}

struct parsing {
	struct vmm_arguments *to;
	const struct vmm_option_row *rows[ALL_ROWS];
};

static int on_option(void *opaque, unsigned int index,
		     const struct vsu_option_value *value, struct vsu_error *err)
{
	const struct parsing *p = opaque;

	(void)err;
	p->to->list[p->to->n++] = (struct vmm_argument){ p->rows[index], *value };
	return 0;
}

/* The table is not on the stack, which would keep its pages. */
int vmm_own_rows_parse(const struct vmm_own_rows *own, int argc, char *const *argv,
		       struct vmm_arguments *out, struct vsu_error *err)
{
	struct parsing p = { .to = out };
	const unsigned int n = list_rows(own, p.rows);
	struct vsu_option *table = malloc((n + 1) * sizeof(*table));
	unsigned int i;
	int rc;

	*out = (struct vmm_arguments){ .list = table ? calloc((size_t)argc + 1, sizeof(*out->list)) : NULL };
	if (!out->list) {
		free(table);
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	for (i = 0; i < n; i++)
		table[i] = p.rows[i]->option;
	table[n] = (struct vsu_option){ .name = NULL };
	rc = vsu_option_parse_argv(table, argc, argv, on_option, &p, NULL, err);
	free(table);
	return rc;
}

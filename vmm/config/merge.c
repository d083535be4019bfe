/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Merges the options of two processes by the table of options. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <vmm-sys-util/file_value.h>

#include "config/descriptors.h"
#include "config/merge.h"
#include "config/option_rows.h"
#include "memory/pieces.h"

/* The operand DISK is a --disk. */
static bool is_same_option(const struct vmm_argument *a, const struct vmm_argument *b)
{
	return !strcasecmp(vmm_argument_name(a), vmm_argument_name(b));
}

/* Number of options before the end that are the same option as e. */
static unsigned int rank_of(const struct vmm_arguments *in, unsigned int end,
			    const struct vmm_argument *e)
{
	unsigned int i, n = 0;

	for (i = 0; i < end; i++)
		n += is_same_option(&in->list[i], e);
	return n;
}

static struct vmm_argument *find_entry(const struct vmm_arguments *in,
				       const struct vmm_argument *e, unsigned int rank)
{
	unsigned int i;

	for (i = 0; i < in->n; i++)
		if (is_same_option(&in->list[i], e) && !rank--)
			return &in->list[i];
	return NULL;
}

static bool is_operand(const struct vmm_argument *e)
{
	return e->row->option.kind == VSU_OPTION_OPERAND;
}

/* ------------------------------------------------------------- the former options */

/* Whether an option of the former command line counts. */
static bool option_counts(const struct vmm_argument *e, enum vmm_origin origin)
{
	const struct vmm_option_row *row = e->row;

	if (row->change == VMM_CHANGE_START || row->without & 1u << origin)
		return false;
	return row->change != VMM_CHANGE_OWN ||
	       (row->kept_value && !strcmp(row->kept_value, e->value.text));
}

/* The texts of the values in out are in the saved words. */
static void drop_entries(struct vmm_arguments *work, const struct vmm_arguments *given,
			 enum vmm_origin origin, struct vmm_ignored *out)
{
	const struct vmm_argument *e;
	unsigned int i, n = 0;

	for (i = 0; i < work->n; i++) {
		e = &work->list[i];
		if (option_counts(e, origin))
			work->list[n++] = *e;
		else if (e->row->change == VMM_CHANGE_OWN && !find_entry(given, e, 0) &&
			 out->n < VMM_MERGE_IGNORED)
			out->list[out->n++] = *e;
	}
	work->n = n;
}

/* -------------------------------------------------------------- the given options */

int vmm_arguments_check_change(const struct vmm_arguments *given, struct vsu_error *err)
{
	const struct vmm_argument *e = given->list;
	unsigned int i;

	for (i = 0; i < given->n; i++, e++)
		if (e->row->change == VMM_CHANGE_NEVER)
			return vsu_error_set(err, -EINVAL, "'%s%s' cannot change a saved machine",
					     is_operand(e) ? "" : "--", is_operand(e) ? e->value.text : vmm_argument_name(e));
	return 0;
}

static int replace_device(struct vmm_arguments *work, const struct vmm_arguments *given,
			  unsigned int i, struct vsu_error *err)
{
	const struct vmm_argument *e = &given->list[i];
	struct vmm_argument *old = find_entry(work, e, rank_of(given, i, e));

	if (!old)
		return vsu_error_set(err, -EINVAL, "'--%s=%s' replaces a device, but the saved machine has %u with this option",
				     vmm_argument_name(e), e->value.text,
				     rank_of(work, work->n, e));
	if (strcmp(e->value.text, "saved") != 0)
		*old = *e;
	return 0;
}

/* work has room for all that are given. */
static int apply_changes(struct vmm_arguments *work, const struct vmm_arguments *given,
			 struct vsu_error *err)
{
	const struct vmm_argument *e = given->list;
	struct vmm_argument *old;
	unsigned int i;
	int rc = vmm_arguments_check_change(given, err);

	for (i = 0; !rc && i < given->n; i++, e++) {
		if (e->row->change == VMM_CHANGE_DEVICE) {
			rc = replace_device(work, given, i, err);
			continue;
		}
		old = find_entry(work, e, 0);
		if (old)
			*old = *e;
		else
			work->list[work->n++] = *e;
	}
	return rc;
}

/* ----------------------------------------------------------------- descriptors */

static bool is_given(const struct vmm_arguments *given, const struct vmm_argument *e)
{
	unsigned int i;

	for (i = 0; i < given->n; i++)
		if (given->list[i].value.text == e->value.text)
			return true;
	return false;
}

/* A kernel, an initrd or memory: not needed before the guest boots again, and cannot be given again. */
static bool is_of_boot(const struct vmm_argument *e)
{
	return e->row->scope == VMM_SCOPE_MACHINE && e->row->change == VMM_CHANGE_NEVER && !e->row->how;
}

/* Options that the continued machine needs at once, and can be given. */
static int refuse_descriptors(const struct vmm_arguments *merged, const struct vmm_arguments *given,
			      struct vsu_error *err)
{
	const struct vmm_argument *e = merged->list;
	unsigned int i;
	int rc;

	for (i = 0; i < merged->n; i++, e++) {
		rc = is_of_boot(e) || is_given(given, e) ? 0 : vmm_descriptors_named(e, err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			return vsu_error_set(err, -EINVAL, "'--%s=%s' names a descriptor of the machine's former process; give this option again",
					     is_operand(e) ? "disk" : vmm_argument_name(e), e->value.text);
	}
	return 0;
}

/* ----------------------------------------------------------------------- merging */

int vmm_arguments_merge(struct vmm_arguments *out, struct vmm_ignored *ignored,
			const struct vmm_arguments *saved, enum vmm_origin origin,
			const struct vmm_arguments *given, struct vsu_error *err)
{
	struct vmm_arguments work = {
		.list = calloc(saved->n + given->n + 1, sizeof(*work.list)), .n = saved->n,
	};
	int rc;

	ignored->n = 0;
	if (!work.list)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	memcpy(work.list, saved->list, saved->n * sizeof(*work.list));
	drop_entries(&work, given, vmm_arguments_find(given, "clone") ? VMM_ORIGIN_CLONE : origin, ignored);
	rc = apply_changes(&work, given, err);
	if (!rc)
		rc = refuse_descriptors(&work, given, err);
	if (!rc)
		rc = vmm_arguments_copy(out, &work, err);
	vmm_arguments_free(&work);
	return rc;
}

static int forget_descriptor(struct vmm_options *o, struct vmm_argument *e, char **text, struct vsu_error *err)
{
	*text = vsu_file_value_former(e->value.text);
	if (!*text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	e->value.text = *text;
	vsu_place_store(&e->row->place, o, &e->value);
	return 0;
}

int vmm_options_continue(struct vmm_options *o, struct vsu_error *err)
{
	struct vmm_arguments *all = &o->machine.arguments;
	unsigned int i, n = 0;
	int rc = vmm_pieces_continue(&o->machine.memory, o->start.clone, err);

	for (i = 0; !rc && i < all->n; i++)
		if (is_of_boot(&all->list[i]) && all->list[i].row->refers == DEVKIND_REFERS_FILE_READ &&
		    vsu_file_value_is_fd(all->list[i].value.text) && n < VMM_MAX_FORMER)
			rc = forget_descriptor(o, &all->list[i], &o->machine.former[n++], err);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of a machine, collected as parsed arguments. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/text.h>

#include "api/options.h"
#include "config/option_rows.h"
#include "config/options.h"
#include "config/own_rows.h"

/* A command line has no more. */
#define MAX_WORDS 1024

static bool is_kernel(const struct vmm_argument *a)
{
	return a->row->option.kind == VSU_OPTION_OPERAND && !a->row->how;
}

/* Also a device of the saved machine */
static bool is_checked_later(const struct vmm_argument *a)
{
	const struct vmm_option_row *row = a->row;

	return row->later || (row->change == VMM_CHANGE_DEVICE && !strcmp(a->value.text, "saved"));
}

static int check_argument(const struct cvmm_options *o, const struct vmm_argument *a,
			  struct vsu_error *err)
{
	const struct vmm_option_row *row = a->row;

	if (row->own)
		return 0;
	if (row->scope == VMM_SCOPE_OWNER)
		return vsu_error_set(err, -ENOENT, "option --%s is for the process that runs a machine, not for the machine",
				     row->option.name);
	if (is_kernel(a) && o->has_kernel)
		return vsu_error_set(err, -EINVAL, "a second kernel, '%s'", a->value.text);
	return is_checked_later(a) ? 0 : vmm_options_check_value(a, err);
}

static int check_all(const struct cvmm_options *o, const struct vmm_arguments *added,
		     struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (o->arguments.n + added->n > MAX_WORDS)
		return vsu_error_set(err, -EINVAL, "more than %d options", MAX_WORDS);
	for (i = 0; !rc && i < added->n; i++)
		rc = check_argument(o, &added->list[i], err);
	return rc;
}

/* All or none. */
static int append_all(struct cvmm_options *o, const struct vmm_arguments *added, struct vsu_error *err)
{
	struct vmm_arguments both = { .n = o->arguments.n + added->n }, copy = { .n = 0 };
	unsigned int i;
	int rc;

	both.list = calloc(both.n + 1, sizeof(*both.list));
	if (!both.list)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	for (i = 0; i < both.n; i++)
		both.list[i] = i < o->arguments.n ? o->arguments.list[i] :
						    added->list[i - o->arguments.n];
	rc = vmm_arguments_copy(&copy, &both, err);
	free(both.list);
	vmm_arguments_free(rc < 0 ? &copy : &o->arguments);
	if (rc < 0)
		return rc;
	o->arguments = copy;
	for (i = 0; i < copy.n; i++)
		o->has_kernel |= is_kernel(&copy.list[i]);
	return 0;
}

/* argv[0] is not a word. */
static int add_argv(struct cvmm_options *o, int argc, char *const *argv, struct vsu_error *err)
{
	struct vmm_arguments added;
	int rc = vmm_own_rows_parse(o->own, argc, argv, &added, err);

	if (!rc)
		rc = check_all(o, &added, err);
	if (!rc)
		rc = append_all(o, &added, err);
	vmm_arguments_free(&added);
	return rc;
}

int cvmm_options_add_words(struct cvmm_options *o, size_t n, const char *const *words,
			   struct vsu_error *err)
{
	int rc = vsu_check_array(words, n, "words", err);
	char **argv;
	size_t i;

	for (i = 0; !rc && i < n; i++)
		if (!words[i])
			rc = vsu_error_set(err, -EINVAL, "word %zu is NULL", i);
	if (rc < 0)
		return rc;
	if (n > MAX_WORDS)
		return vsu_error_set(err, -EINVAL, "more than %d words", MAX_WORDS);
	argv = calloc(n + 2, sizeof(*argv));
	if (!argv)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	argv[0] = (char[]){ "" };
	memcpy(argv + 1, words, n * sizeof(*argv));
	rc = add_argv(o, (int)n + 1, argv, err);
	free(argv);
	return rc;
}

int cvmm_options_add(struct cvmm_options *o, const char *name, const char *value,
		     struct vsu_error *err)
{
	const char *word = value;
	char *made = NULL;
	int rc;

	if (!name || !name[0] || strchr(name, '='))
		return vsu_error_set(err, name ? -ENOENT : -EINVAL, "'%s' is not the name of an option", name ? name : "");
	if (strcmp(name, "kernel") != 0) {
		rc = value ? asprintf(&made, "--%s=%s", name, value) : asprintf(&made, "--%s", name);
		if (rc < 0)
			return vsu_error_set(err, -ENOMEM, "no memory for options");
		word = made;
	} else if (!value || value[0] == '-') {
		return vsu_error_set(err, -EINVAL, "'%s' is not the path of a kernel",
				     value ? value : "");
	}
	rc = cvmm_options_add_words(o, 1, &word, err);
	free(made);
	return rc;
}

/* ------------------------------------------------------------------ properties */

/* A comma ends a property, unless another one follows it. */
static void put_value(const char *value, FILE *to)
{
	fputc('=', to);
	for (; *value; value++) {
		if (*value == ',')
			fputc(',', to);
		fputc(*value, to);
	}
}

static int write_list(const struct cvmm_property *properties, size_t n, struct vsu_text *list,
		      struct vsu_error *err)
{
	size_t i;

	if (vsu_text_open(list) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	for (i = 0; i < n; i++) {
		fprintf(list->to, "%s%s", i ? "," : "", properties[i].key);
		if (properties[i].value)
			put_value(properties[i].value, list->to);
	}
	return vsu_text_close(list) < 0 ? vsu_error_set(err, -ENOMEM, "no memory for options") : 0;
}

static int check_properties(const struct cvmm_property *properties, size_t n, struct vsu_error *err)
{
	int rc = vsu_check_array(properties, n, "properties", err);
	size_t i;

	for (i = 0; !rc && i < n; i++)
		if (!properties[i].key || !*properties[i].key || strpbrk(properties[i].key, ",="))
			rc = vsu_error_set(err, -EINVAL, "property %zu has no valid key", i);
	return rc;
}

int cvmm_options_add_properties(struct cvmm_options *o, const char *name,
				const struct cvmm_property *properties, size_t n, struct vsu_error *err)
{
	struct vsu_text list;
	int rc = check_properties(properties, n, err);

	if (!rc)
		rc = write_list(properties, n, &list, err);
	if (rc < 0)
		return rc;
	if (list.len <= CVMM_OPTION_MAX_LIST) {
		rc = cvmm_options_add(o, name, list.bytes, err);
	} else {
		rc = vsu_error_set(err, -E2BIG, "option --%s: its list has %zu characters; the maximum is %d", name, list.len, CVMM_OPTION_MAX_LIST);
		(void)vsu_error_operands(err, 0, list.len, CVMM_OPTION_MAX_LIST);
	}
	free(list.bytes);
	return rc;
}

int cvmm_options_add_json(struct cvmm_options *o, const char *text, struct vsu_error *err)
{
	char **argv, *copy;
	int n, rc;

	if (!text)
		return vsu_error_set(err, -EINVAL, "text is NULL; expected a JSON object");
	argv = calloc(MAX_WORDS + 2, sizeof(*argv));
	copy = strdup(text);
	if (argv && copy) {
		argv[0] = (char[]){ "" };
		n = vsu_json_read_strings(copy, "arguments", argv + 1, MAX_WORDS, err);
		rc = n < 0 ? n : add_argv(o, n + 1, argv, err);
	} else {
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	free(copy);
	free(argv);
	return rc;
}

int cvmm_priv_option_get(const struct vmm_arguments *all, unsigned int i, struct cvmm_option *out, struct vsu_error *err)
{
	const struct vmm_argument *a;

	if (i >= all->n)
		return vsu_error_set(err, -ENOENT, "there is no option %u", i);
	a = &all->list[i];
	*out = (struct cvmm_option){
		.name = vmm_option_public_name(a->row), .value = a->value, .own = (int)a->row->own - 1,
	};
	return 0;
}

int cvmm_options_get(const struct cvmm_options *o, unsigned int i, struct cvmm_option *out, struct vsu_error *err)
{
	return cvmm_priv_option_get(&o->arguments, i, out, err);
}

/* ------------------------------------------------------------------------ life */

int cvmm_options_new(struct cvmm_options **out, struct vsu_error *err)
{
	struct cvmm_options *o = calloc(1, sizeof(*o));

	if (!o)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	*out = o;
	return 0;
}

int cvmm_options_new_for(const struct cvmm_option_row *own, struct cvmm_options **out,
			 struct vsu_error *err)
{
	struct vmm_own_rows *rows;
	struct cvmm_options *o = NULL;
	int rc = vmm_own_rows_new(own, &rows, err);

	if (rc < 0)
		return rc;
	rc = cvmm_options_new(&o, err);
	if (rc < 0) {
		vmm_own_rows_unref(rows);
		return rc;
	}
	o->own = rows;
	*out = o;
	return 0;
}

static const struct cvmm_option_row *find_own(const struct cvmm_option_row *own, const char *name)
{
	while (own && own->option.name && strcmp(own->option.name, name) != 0)
		own++;
	return own && own->option.name ? own : NULL;
}

/* The order is that of vmm_own_rows_parse(), without the rows that no machine has. */
size_t cvmm_option_table(const struct cvmm_option_row *own, struct vsu_option *table, size_t n)
{
	const struct vsu_option end = { .name = NULL };
	const struct cvmm_option_row *mine;
	const struct vmm_option_row *row;
	size_t count = 0;

	for (row = vmm_option_rows; row->option.name; row++) {
		mine = find_own(own, row->option.name);
		if (!mine && row->scope == VMM_SCOPE_OWNER)
			continue;
		if (count++ < n)
			table[count - 1] = mine ? mine->option : row->option;
	}
	for (; own && own->option.name; own++)
		if (!vmm_option_named(own->option.name, strlen(own->option.name)) && count++ < n)
			table[count - 1] = own->option;
	if (count++ < n)
		table[count - 1] = end;
	return count;
}

void cvmm_options_free(struct cvmm_options *o)
{
	if (!o)
		return;
	vmm_arguments_free(&o->arguments);
	vmm_own_rows_unref(o->own);
	free(o);
}

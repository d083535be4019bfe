/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of a machine, collected as parsed arguments. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/sized.h>

#include "api/options.h"
#include "config/option_rows.h"
#include "config/options.h"

/* A command line has no more. */
#define MAX_WORDS 1024

static bool is_kernel(const struct vmm_argument *a)
{
	return a->row->option.kind == VSU_OPTION_OPERAND && !a->row->how;
}

static int check_argument(const struct cvmm_options *o, const struct vmm_argument *a,
			  struct vsu_error *err)
{
	const struct vmm_option_row *row = a->row;

	if (row->scope == VMM_SCOPE_PROCESS || row->of_report)
		return vsu_error_set(err, -ENOENT, "option --%s is for the process of cvmm, not for a machine",
				     row->option.name);
	if (is_kernel(a) && o->has_kernel)
		return vsu_error_set(err, -EINVAL, "a second kernel, '%s'", a->value.text);
	if (row->option.kind == VSU_OPTION_OPERAND && a->value.text[0] == '-')
		return vsu_error_set(err, -EINVAL, "'%s' looks like an option; begin the path of a file by './'",
				     a->value.text);
	/* The address of a source, which cvmm_machine_new() reads before it reads the others */
	return row->once.after ? 0 : vmm_options_check_value(a, err);
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
	int rc = vmm_arguments_parse_machine(&added, argc, argv, err);

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

int cvmm_options_new(struct cvmm_options **out, struct vsu_error *err)
{
	struct cvmm_options *o = calloc(1, sizeof(*o));

	if (!o)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	*out = o;
	return 0;
}

void cvmm_options_free(struct cvmm_options *o)
{
	if (!o)
		return;
	vmm_arguments_free(&o->arguments);
	free(o);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of a machine, collected as words. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/options.h"
#include "config/option_rows.h"
#include "base/json_read.h"

/* A command line has no more. */
#define MAX_WORDS 1024

static int word_append(struct cvmm_options *o, char *word, struct vsu_error *err)
{
	char **more;

	if (o->n == MAX_WORDS) {
		free(word);
		return vsu_error_set(err, -EINVAL, "more than %d options", MAX_WORDS);
	}
	more = word ? realloc(o->words, (o->n + 2) * sizeof(*more)) : NULL;
	if (!more) {
		free(word);
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	o->words = more;
	o->words[o->n++] = word;
	o->words[o->n] = NULL;
	return 0;
}

/* A second kernel would be taken for a disk, and a path with a comma for properties. */
static int check_row(const struct cvmm_options *o, const struct vmm_option_row *row,
		     const struct vsu_option_value *value, struct vsu_error *err)
{
	const bool operand = row->option.kind == VSU_OPTION_OPERAND;

	if (row->scope == VMM_SCOPE_PROCESS || row->of_report)
		return vsu_error_set(err, -ENOENT, "option --%s is for the process of cvmm, not for a machine",
				     row->option.name);
	if (operand && !row->how && o->has_kernel)
		return vsu_error_set(err, -EINVAL, "a second kernel, '%s'", value->text);
	if (operand && value->text[0] == '-')
		return vsu_error_set(err, -EINVAL, "'%s' looks like an option; begin the path of a file by './'",
				     value->text);
	return 0;
}

/* In a list, a comma of a value is written twice. */
static char *disk_word(const char *path)
{
	static const char before[] = "--disk=path=";
	char *word = malloc(sizeof(before) + 2 * strlen(path)), *to = word;

	if (!word)
		return NULL;
	to += sprintf(to, "%s", before);
	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
	return word;
}

static char *word_make(const struct vmm_option_row *row, const struct vsu_option_value *value)
{
	const char *name = row->option.name;
	char *word;

	if (row->how == VMM_DEVICE_DISK_PATH)
		return disk_word(value->text);
	if (row->option.kind == VSU_OPTION_OPERAND)
		return strdup(value->text);
	if (row->option.kind == VSU_OPTION_FLAG)
		return asprintf(&word, "--%s", name) < 0 ? NULL : word;
	return asprintf(&word, "--%s=%s", name, value->text) < 0 ? NULL : word;
}

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	const struct vmm_option_row *row = &vmm_option_rows[index];
	struct cvmm_options *o = opaque;
	int rc = check_row(o, row, value, err);

	if (rc < 0)
		return rc;
	rc = word_append(o, word_make(row, value), err);
	if (!rc && row->option.kind == VSU_OPTION_OPERAND && !row->how)
		o->has_kernel = true;
	return rc;
}

/* Without the words that were added since then. */
static void options_shrink(struct cvmm_options *o, size_t n, bool had_kernel)
{
	while (o->n > n)
		free(o->words[--o->n]);
	if (o->words)
		o->words[n] = NULL;
	o->has_kernel = had_kernel;
}

/* argv[0] is not a word. */
static int add_argv(struct cvmm_options *o, int argc, char *const *argv, struct vsu_error *err)
{
	struct vsu_option table[VMM_OPTION_ROWS];
	const bool had_kernel = o->has_kernel;
	const size_t before = o->n;
	int rc;

	vmm_option_table(table);
	rc = vsu_option_parse_argv(table, argc, argv, take_option, o, NULL, err);
	if (rc < 0)
		options_shrink(o, before, had_kernel);
	return rc;
}

int cvmm_options_add_words(struct cvmm_options *o, size_t n, const char *const *words,
			   struct vsu_error *err)
{
	char **argv;
	int rc;

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

	if (!name[0] || strchr(name, '='))
		return vsu_error_set(err, -ENOENT, "'%s' is not the name of an option", name);
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
	char **argv = calloc(MAX_WORDS + 2, sizeof(*argv)), *copy = strdup(text);
	int n, rc;

	if (argv && copy) {
		argv[0] = (char[]){ "" };
		n = prog_json_read_strings(copy, "arguments", argv + 1, MAX_WORDS, err);
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
	options_shrink(o, 0, false);
	free(o->words);
	free(o);
}

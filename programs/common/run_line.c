/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of "cvmm run". */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json_read.h>

#include "common/foreign_values.h"
#include "common/machine_rows.h"
#include "common/run_line.h"

#define MAX_WORDS 1024
#define MAX_BYTES (1u << 20)

/* ----------------------------------------------------------------------- items */

static int no_memory(struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for options");
}

static bool is_operand(const struct vmm_run_item *item)
{
	return item->row->kind == VSU_OPTION_OPERAND;
}

static bool has_name(const struct vmm_run_item *item, const char *name)
{
	return !strcmp(item->row->name, name);
}

static int make_item(struct vmm_run_item *item, const struct vsu_option *row, const char *text, struct vsu_error *err)
{
	int rc;

	*item = (struct vmm_run_item){ .row = row };
	if (is_operand(item))
		rc = asprintf(&item->word, "%s%s", *text == '-' ? "./" : "", text);
	else if (row->kind == VSU_OPTION_FLAG)
		rc = asprintf(&item->word, "--%s", row->name);
	else
		rc = asprintf(&item->word, "--%s=%s", row->name, text);
	if (rc < 0)
		return no_memory(err);
	item->text = item->word;
	if (!is_operand(item))
		item->text += strlen("--") + strlen(row->name) + (row->kind != VSU_OPTION_FLAG);
	return 0;
}

static int insert_item(struct vmm_run_line *l, unsigned int at, const struct vsu_option *row, const char *text,
		       struct vsu_error *err)
{
	struct vmm_run_item item, *items;
	int rc = make_item(&item, row, text, err);

	if (rc < 0)
		return rc;
	items = realloc(l->items, (l->n + 1) * sizeof(*items));
	if (!items) {
		free(item.word);
		return no_memory(err);
	}
	l->items = items;
	memmove(items + at + 1, items + at, (l->n++ - at) * sizeof(*items));
	items[at] = item;
	return 0;
}

static const struct vsu_option *row_of(const struct vmm_run_line *l, const char *name)
{
	const struct vsu_option *row = l->table;

	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

unsigned int vmm_run_line_find(const struct vmm_run_line *l, const char *name)
{
	unsigned int i = 0;

	while (i < l->n && !has_name(&l->items[i], name))
		i++;
	return i;
}

bool vmm_run_line_has(const struct vmm_run_line *l, const char *name)
{
	return vmm_run_line_find(l, name) < l->n;
}

int vmm_run_line_add(struct vmm_run_line *l, struct vsu_error *err, const char *name, const char *fmt, ...)
{
	char *text;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return no_memory(err);
	rc = insert_item(l, l->n, row_of(l, name), text, err);
	free(text);
	return rc;
}

int vmm_run_line_set(struct vmm_run_line *l, unsigned int i, const char *name, const char *text, struct vsu_error *err)
{
	struct vmm_run_item item;
	int rc = make_item(&item, row_of(l, name), text, err);

	if (rc < 0)
		return rc;
	free(l->items[i].word);
	l->items[i] = item;
	return 0;
}

void vmm_run_line_remove(struct vmm_run_line *l, unsigned int i)
{
	free(l->items[i].word);
	memmove(l->items + i, l->items + i + 1, (--l->n - i) * sizeof(*l->items));
}

/* ----------------------------------------------------------------------- words */

/* Items are inserted at index at, which moves behind them. */
struct reading {
	struct vmm_run_line *line;
	unsigned int at;
	bool of_file;
};

static int on_option(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	struct reading *r = opaque;
	int rc = insert_item(r->line, r->at, &r->line->table[index], value->text, err);

	if (!rc)
		r->line->items[r->at++].of_file = r->of_file;
	return rc;
}

void vmm_run_line_init(struct vmm_run_line *l)
{
	static const struct vsu_option publish = VMM_ROW_PUBLISH;
	struct vsu_option *end = l->table;

	*l = (struct vmm_run_line){ .items = NULL };
	vmm_run_table(l->table);
	while (end->name)
		end++;
	end[1] = *end;
	*end = publish;
}

int vmm_run_line_parse(struct vmm_run_line *l, int argc, char *const *argv, struct vsu_error *err)
{
	struct reading r = { .line = l };

	vmm_run_line_init(l);
	return vsu_option_parse_argv(l->table, argc, argv, on_option, &r, NULL, err);
}

/* The number of words, which point into *text. */
static int read_words(const char *path, char **text, char **words, struct vsu_error *err)
{
	int fd = vsu_file_value_open(path, O_RDONLY | O_NOCTTY);
	int i, n, rc = fd < 0 ? vsu_error_sys(err, fd, "cannot open it") :
			       vsu_file_value_read_text(fd, MAX_BYTES, text, err);

	vsu_fd_close(&fd);
	if (rc < 0)
		return rc;
	n = vsu_json_read_strings(*text, "arguments", words, MAX_WORDS, err);
	for (i = 0; i < n; i++)
		if (!strcmp(words[i], "--"))
			return vsu_error_set(err, -EINVAL, "'--' cannot be in a configuration; write ./ before a name that begins with '-'");
	return n;
}

/* Refuses options that are read before the file. */
static int check_of_file(const struct vmm_run_item *item, struct vsu_error *err)
{
	if (has_name(item, "incoming"))
		return vsu_error_set(err, -EINVAL, "--incoming '%s' is allowed only once, on the command line", item->text);
	if (has_name(item, "help"))
		return vsu_error_set(err, -EINVAL, "--help is allowed only on the command line");
	return 0;
}

static int insert_file(struct vmm_run_line *l, unsigned int at, const char *path, struct vsu_error *err)
{
	struct reading r = { .line = l, .at = at, .of_file = true };
	char *text = NULL, **words = calloc(MAX_WORDS + 2, sizeof(*words));
	int n = words ? read_words(path, &text, words + 1, err) : no_memory(err), rc = n < 0 ? n : 0;

	if (!rc) {
		words[0] = (char[]){ "" };
		l->step = CVMM_STEP_OPTIONS;
		rc = vsu_option_parse_argv(l->table, n + 1, words, on_option, &r, NULL, err);
	}
	for (; !rc && at < r.at; at++)
		rc = check_of_file(&l->items[at], err);
	if (!rc)
		l->step = CVMM_STEP_CONFIGURATION;
	free(words);
	free(text);
	return rc;
}

static int check_repeated(const struct vmm_run_line *l, struct vsu_error *err)
{
	const unsigned int second = vmm_run_line_find(l, "config");
	const struct vmm_run_item *a, *b, *end = l->items + l->n;

	if (second < l->n)
		return vsu_error_set(err, -EINVAL, "a second --config '%s'; only one is allowed", l->items[second].text);
	for (a = l->items; a < end; a++)
		for (b = l->items; b < end; b++)
			if (a->of_file && !b->of_file && a->row == b->row && !is_operand(a) && !a->row->repeat)
				return vsu_error_set(err, -EINVAL, "--%s is in the file and on the command line; leave it out of one of them",
						     a->row->name);
	return 0;
}

int vmm_run_line_read_file(struct vmm_run_line *l, struct vsu_error *err)
{
	const unsigned int at = vmm_run_line_find(l, "config");
	char *path;
	int rc;

	if (at == l->n || vmm_run_line_has(l, "incoming"))
		return 0;
	path = strdup(l->items[at].text);
	if (!path)
		return no_memory(err);
	l->step = CVMM_STEP_CONFIGURATION;
	vmm_run_line_remove(l, at);
	rc = insert_file(l, at, path, err);
	if (!rc)
		rc = check_repeated(l, err);
	if (rc < 0 && l->step == CVMM_STEP_CONFIGURATION)
		vsu_error_prefix(err, rc, "--config '%s'", path);
	else
		l->step = CVMM_STEP_OPTIONS;
	free(path);
	return rc;
}

/* --------------------------------------------------------------------- options */

static int add_operand(struct cvmm_options *o, const char *text, bool *has_kernel, struct vsu_error *err)
{
	const struct cvmm_property path = { "path", text };

	if (*has_kernel)
		return cvmm_options_add_properties(o, "disk", &path, 1, err);
	*has_kernel = true;
	return cvmm_options_add(o, "kernel", text, err);
}

int vmm_run_line_add_to(const struct vmm_run_line *l, struct cvmm_options *o, struct vsu_error *err)
{
	const struct vmm_run_item *item;
	bool has_kernel = false;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < l->n; i++) {
		item = &l->items[i];
		rc = vmm_foreign_value_check(item->row, item->text, err);
		if (!rc && is_operand(item))
			rc = add_operand(o, item->text, &has_kernel, err);
		else if (!rc)
			rc = cvmm_options_add(o, item->row->name, item->row->kind == VSU_OPTION_FLAG ? NULL : item->text, err);
	}
	return rc;
}

void vmm_run_line_write(const struct vmm_run_line *l, struct vsu_json *to)
{
	unsigned int i;

	vsu_json_open(to, "arguments", '[');
	for (i = 0; i < l->n; i++)
		if (!has_name(&l->items[i], "dry-run") && !has_name(&l->items[i], "json"))
			vsu_json_text(to, NULL, l->items[i].word);
	vsu_json_close(to, ']');
}

void vmm_run_line_free(struct vmm_run_line *l)
{
	while (l->n)
		vmm_run_line_remove(l, l->n - 1);
	free(l->items);
	l->items = NULL;
}

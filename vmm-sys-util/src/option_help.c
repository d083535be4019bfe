/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The help text of a table. */
#include <config.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "option_priv.h"

const char *vsu_priv_arg_name(const struct vsu_option *o)
{
	static const char *const names[] = {
		[VSU_OPTION_FLAG] = "on|off",
		[VSU_OPTION_STRING] = "TEXT",
		[VSU_OPTION_U64] = "N",
		[VSU_OPTION_SIZE] = "SIZE",
		[VSU_OPTION_CHOICE] = "WORD",
		[VSU_OPTION_TIME] = "TIME",
		[VSU_OPTION_TIME_MS] = "TIME",
	};

	return o->arg ? o->arg : names[o->kind];
}

static bool is_time(const struct vsu_option *o)
{
	return o->kind == VSU_OPTION_TIME || o->kind == VSU_OPTION_TIME_MS;
}

const char *vsu_priv_limits(const struct vsu_option *o, char *buf, size_t size)
{
	char min[24], max[24];

	buf[0] = '\0';
	if (!o->min && !o->max)
		return buf;
	if (o->kind == VSU_OPTION_SIZE) {
		vsu_format_size(o->min, min, sizeof(min));
		vsu_format_size(o->max, max, sizeof(max));
	} else if (is_time(o)) {
		vsu_format_time(o->min, min, sizeof(min));
		vsu_format_time(o->max, max, sizeof(max));
	} else {
		snprintf(min, sizeof(min), "%" PRIu64, o->min);
		snprintf(max, sizeof(max), "%" PRIu64, o->max);
	}
	if (o->min == o->max)
		snprintf(buf, size, "only %s", min);
	else
		snprintf(buf, size, "%s to %s", min, max);
	return buf;
}

/* Text in a buffer; the part beyond its end is only counted. */
struct text {
	char *buf;
	size_t size, len;
};

static void VSU_PRINTF(2, 3) text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->buf + t->len : NULL, room, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
}

/*
 * The column of descriptions. After a longer option they are on the next line; after one
 * with many choices, behind two spaces.
 */
#define HELP_COLUMN 28

/* "-h, --help", "--size=SIZE"; in a list "size=SIZE" */
static void add_name(struct text *t, const struct vsu_option *o, bool list)
{
	size_t i;

	if (o->letter && !list)
		text_add(t, "-%c, ", o->letter);
	text_add(t, "%s%s", list ? "" : "--", o->name);
	if (o->kind == VSU_OPTION_FLAG && !list)
		return;
	if (o->kind != VSU_OPTION_CHOICE || o->arg) {
		text_add(t, "=%s", vsu_priv_arg_name(o));
		return;
	}
	for (i = 0; o->choices[i]; i++)
		text_add(t, "%c%s", i ? '|' : '=', o->choices[i]);
}

/* " (1 to 16; default 1; as in size=1G)", the parts that apply */
static void add_facts(struct text *t, const struct vsu_option *o, bool list)
{
	bool number = o->kind == VSU_OPTION_U64 || o->kind == VSU_OPTION_SIZE || is_time(o);
	const char *glue = " (";
	char range[64];

	if (number && *vsu_priv_limits(o, range, sizeof(range))) {
		text_add(t, "%s%s", glue, range);
		glue = "; ";
	}
	if (o->preset) {
		text_add(t, "%sdefault %s", glue, o->preset);
		glue = "; ";
	}
	if (o->example) {
		text_add(t, "%sas in %s%s=%s", glue, list ? "" : "--", o->name,
			 o->example);
		glue = "; ";
	}
	if (*glue == ';')
		text_add(t, ")");
}

/* True if a flag has no description: it is on the line of the next row, which describes both. */
static bool shares_line(const struct vsu_option *o, bool list)
{
	return !list && o->kind == VSU_OPTION_FLAG && !o->help && o[1].name;
}

static bool has_choices(const struct vsu_option *o)
{
	return o->kind == VSU_OPTION_CHOICE || (o->arg && strchr(o->arg, '|'));
}

/* Returns the last row of the line. */
static const struct vsu_option *add_line(struct text *t, const struct vsu_option *o, bool list)
{
	size_t start = t->len, width;

	text_add(t, "  ");
	for (; shares_line(o, list); o++) {
		add_name(t, o, list);
		text_add(t, ", ");
	}
	add_name(t, o, list);
	width = t->len - start;
	if (width + 1 > HELP_COLUMN && has_choices(o)) {
		text_add(t, "  ");
		width = HELP_COLUMN;
	} else if (width + 1 > HELP_COLUMN) {
		text_add(t, "\n");
		width = 0;
	}
	text_add(t, "%*s%s", (int)(HELP_COLUMN - width), "", o->help ? o->help : "");
	add_facts(t, o, list);
	text_add(t, "\n");
	return o;
}

static size_t add_table(const struct vsu_option *table, char *buf, size_t size,
			bool list)
{
	struct text t = { buf, size, 0 };

	if (size)
		buf[0] = '\0';
	for (; table->name; table++)
		if (table->kind != VSU_OPTION_OPERAND &&
		    table->kind != VSU_OPTION_ALIAS)
			table = add_line(&t, table, list);
	return t.len;
}

size_t vsu_option_help(const struct vsu_option *table, char *buf, size_t size)
{
	return add_table(table, buf, size, false);
}

size_t vsu_option_help_list(const struct vsu_option *table, char *buf,
			    size_t size)
{
	return add_table(table, buf, size, true);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks the value of an option by its row, with the messages of refusals. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "nearest.h"
#include "option_priv.h"

/* "option --size" or "--disk: key 'size'", the beginning of a message. */
static const char *option_subject(const struct vsu_priv_parse *p,
				  const struct vsu_option *o, char *buf)
{
	const char *name = o->name;

	if (o->kind == VSU_OPTION_OPERAND)
		snprintf(buf, VSU_PRIV_PHRASE, "%.60s", name);
	else if (p->list)
		snprintf(buf, VSU_PRIV_PHRASE, "%.80s: key '%.60s'", p->list, name);
	else
		snprintf(buf, VSU_PRIV_PHRASE, "option --%.60s", name);
	return buf;
}

int vsu_priv_find_row(const struct vsu_option *table, const char *name,
		      size_t len)
{
	int i;

	for (i = 0; table[i].name; i++)
		if (!strncmp(table[i].name, name, len) &&
		    !table[i].name[len] && table[i].kind != VSU_OPTION_OPERAND)
			return table[i].kind == VSU_OPTION_ALIAS ?
			       vsu_priv_find_row(table, table[i].arg,
						 strlen(table[i].arg)) : i;
	return -ENOENT;
}

static const char *nearest_row(const struct vsu_option *table, const char *name)
{
	unsigned int distance, best = VSU_PRIV_FAR;
	const char *nearest = NULL;

	for (; table->name; table++) {
		if (table->kind == VSU_OPTION_OPERAND ||
		    table->kind == VSU_OPTION_ALIAS)
			continue;
		distance = vsu_priv_distance(name, table->name);
		if (distance >= best)
			continue;
		best = distance;
		nearest = table->name;
	}
	return nearest;
}

static bool is_listed(const struct vsu_option *o)
{
	return o->name && o->kind != VSU_OPTION_ALIAS;
}

/* "file, size, engine", as many as fit */
static const char *all_names(const struct vsu_option *table, char *buf,
			     size_t size)
{
	size_t used = 0, i;

	buf[0] = '\0';
	for (i = 0; is_listed(&table[i]); i++) {
		/* with a comma before it and ", ..." behind it */
		if (used + strlen(table[i].name) + sizeof(", , ...") > size)
			break;
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 i ? ", " : "", table[i].name);
	}
	if (is_listed(&table[i]))
		snprintf(buf + used, size - used, "%s...", i ? ", " : "");
	return buf;
}

bool vsu_priv_has_help(const struct vsu_option *table)
{
	return vsu_priv_find_row(table, "help", strlen("help")) >= 0;
}

int vsu_priv_unknown(const struct vsu_priv_parse *p, const char *name,
		     const char *word)
{
	const char *nearest = nearest_row(p->table, name);
	const char *dashes = p->list ? "" : "--";
	char where[VSU_PRIV_PHRASE], names[VSU_PRIV_PHRASE];

	if (p->list)
		snprintf(where, sizeof(where), "%.80s: unknown key", p->list);
	else
		snprintf(where, sizeof(where), "unknown option");
	if (nearest)
		return vsu_error_set(p->err, -ENOENT,
				     "%s '%s'; did you mean '%s%s'?",
				     where, word, dashes, nearest);
	if (p->list)
		return vsu_error_set(p->err, -ENOENT, "%s '%s'; the keys are %s",
				     where, word,
				     all_names(p->table, names, sizeof(names)));
	return vsu_error_set(p->err, -ENOENT, "%s '%s'%s", where, word,
			     vsu_priv_has_help(p->table) ?
			     "; try --help for the list of options" : "");
}

int vsu_priv_missing_value(const struct vsu_priv_parse *p,
			   const struct vsu_option *o, const char *next)
{
	const char *dashes = p->list ? "" : "--";
	char who[VSU_PRIV_PHRASE], why[VSU_PRIV_PHRASE] = "", as[VSU_PRIV_PHRASE] = "";

	if (next)
		snprintf(why, sizeof(why), ", and '%s' is an option", next);
	if (o->example)
		snprintf(as, sizeof(as), ", as in %s%s=%s", dashes, o->name, o->example);
	return vsu_error_set(p->err, -EINVAL, "%s needs a value%s; write %s%s=%s%s",
			     option_subject(p, o, who), why, dashes, o->name,
			     vsu_priv_arg_name(o), as);
}

/* Each kind of number: its name, and how it is written. */
static const struct form {
	const char *what, *how;
} number_forms[] = {
	[VSU_OPTION_U64] = { "number", "a decimal or 0x hexadecimal number" },
	[VSU_OPTION_SIZE] = { "size", "bytes, or a number with k, M, G, T, P or E, as in 1.5G" },
	[VSU_OPTION_TIME] = { "time", "seconds, or numbers with ms, s, m, h or d, as in 1m30s" },
	[VSU_OPTION_TIME_MS] = { "time", "milliseconds, or numbers with ms, s, m, h or d, as in 1.5s" },
};

static bool is_fraction(const char *text)
{
	const size_t digits = strspn(text, "0123456789");

	return text[digits] == '.' && text[digits + 1] &&
	       !text[digits + 1 + strspn(text + digits + 1, "0123456789")];
}

static int refuse_number(const struct vsu_priv_parse *p,
			 const struct vsu_option *o, const char *text, int rc)
{
	const struct form *form = &number_forms[o->kind];
	const bool whole = o->kind == VSU_OPTION_U64 && is_fraction(text);
	char who[VSU_PRIV_PHRASE], range[64];

	option_subject(p, o, who);
	vsu_priv_limits(o, range, sizeof(range));
	if (rc == -ERANGE)
		return vsu_error_set(p->err, -EINVAL,
				     "%s: '%s' exceeds 64 bits%s%s", who, text,
				     *range ? "; allowed is " : "", range);
	return vsu_error_set(p->err, -EINVAL,
			     "%s: '%s' is not a %s%s; give %s%s%s", who, text,
			     whole ? "whole " : "", form->what, form->how,
			     *range ? ", " : "", range);
}

static int refuse_range(const struct vsu_priv_parse *p,
			const struct vsu_option *o, const char *text, uint64_t number)
{
	char who[VSU_PRIV_PHRASE], range[64];
	int i = (int)(o - p->table);

	vsu_error_set(p->err, -EINVAL, "%s: %s is out of range; allowed is %s",
		      option_subject(p, o, who), text,
		      vsu_priv_limits(o, range, sizeof(range)));
	vsu_error_operands(p->err, (uint32_t)i, number,
			   number < o->min ? o->min : o->max);
	return -EINVAL;
}

static int read_number(enum vsu_option_kind kind, struct vsu_option_value *v)
{
	if (kind == VSU_OPTION_SIZE)
		return vsu_parse_size(v->text, &v->number);
	if (kind == VSU_OPTION_U64)
		return vsu_parse_u64(v->text, &v->number);
	return vsu_parse_time(v->text, kind == VSU_OPTION_TIME ? 1000 : 1, &v->number);
}

static int judge_number(const struct vsu_priv_parse *p,
			const struct vsu_option *o,
			struct vsu_option_value *v)
{
	int rc = read_number(o->kind, v);

	if (rc < 0)
		return refuse_number(p, o, v->text, rc);
	if ((o->min || o->max) && (v->number < o->min || v->number > o->max))
		return refuse_range(p, o, v->text, v->number);
	return 0;
}

/* "raw, qcow2 or null" */
static const char *join_choices(const char *const *choices, char *buf,
				size_t size)
{
	size_t used = 0, i;
	const char *glue;

	buf[0] = '\0';
	for (i = 0; choices[i] && used < size; i++) {
		glue = !i ? "" : choices[i + 1] ? ", " : " or ";
		used += (size_t)snprintf(buf + used, size - used, "%s%s", glue,
					 choices[i]);
	}
	return buf;
}

static int judge_choice(const struct vsu_priv_parse *p,
			const struct vsu_option *o,
			struct vsu_option_value *v)
{
	char who[VSU_PRIV_PHRASE], words[VSU_PRIV_PHRASE];
	const char *nearest;
	unsigned int i;

	for (i = 0; o->choices[i]; i++) {
		if (strcmp(o->choices[i], v->text))
			continue;
		v->number = i;
		return 0;
	}
	nearest = vsu_nearest(v->text, o->choices);
	return vsu_error_set(p->err, -EINVAL,
			     "%s: '%s' is not one of %s%s%s%s",
			     option_subject(p, o, who), v->text,
			     join_choices(o->choices, words, sizeof(words)),
			     nearest ? "; did you mean '" : "",
			     nearest ? nearest : "", nearest ? "'?" : "");
}

static int judge_flag(const struct vsu_priv_parse *p,
		      const struct vsu_option *o,
		      struct vsu_option_value *v)
{
	char who[VSU_PRIV_PHRASE];
	bool on;

	if (vsu_parse_bool(v->text, &on) < 0)
		return vsu_error_set(p->err, -EINVAL,
				     "%s: '%s' is neither on nor off; write %s=on or %s=off",
				     option_subject(p, o, who), v->text,
				     o->name, o->name);
	v->number = on;
	return 0;
}

static int judge_string(const struct vsu_priv_parse *p,
			const struct vsu_option *o,
			struct vsu_option_value *v)
{
	(void)p;
	(void)o;
	(void)v;
	return 0;
}

static int (*const judges[])(const struct vsu_priv_parse *p,
			     const struct vsu_option *o,
			     struct vsu_option_value *v) = {
	[VSU_OPTION_FLAG] = judge_flag,
	[VSU_OPTION_STRING] = judge_string,
	[VSU_OPTION_U64] = judge_number,
	[VSU_OPTION_SIZE] = judge_number,
	[VSU_OPTION_CHOICE] = judge_choice,
	[VSU_OPTION_OPERAND] = judge_string,
	[VSU_OPTION_TIME] = judge_number,
	[VSU_OPTION_TIME_MS] = judge_number,
};

bool vsu_priv_was_seen(const struct vsu_priv_parse *p, unsigned int row)
{
	return p->seen[row / 64] >> row % 64 & 1;
}

/* False if this row was given before and may not repeat. */
static bool note_row(struct vsu_priv_parse *p, unsigned int row)
{
	if (!p->table[row].repeat && vsu_priv_was_seen(p, row))
		return false;
	p->seen[row / 64] |= UINT64_C(1) << row % 64;
	return true;
}

int vsu_priv_deliver(struct vsu_priv_parse *p, unsigned int row,
		     const char *text)
{
	const struct vsu_option *o = &p->table[row];
	struct vsu_option_value value = { text, 0 };
	char who[VSU_PRIV_PHRASE];
	int rc;

	if (!note_row(p, row))
		return vsu_error_set(p->err, -EINVAL,
				     "%s is specified more than once",
				     option_subject(p, o, who));
	rc = judges[o->kind](p, o, &value);
	if (rc < 0)
		return rc;
	vsu_error_clear(p->err);
	rc = p->fn(p->opaque, row, &value, p->err);
	if (rc < 0 && p->err && !p->err->msg[0])
		vsu_error_sys(p->err, rc, "%s: '%s' is refused",
			      option_subject(p, o, who), text);
	return rc < 0 ? rc : 0;
}


/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines and "key=value,..." lists: both are turned into (name, value)
 * pairs, which one function judges by the table.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/option.h>
#include <vmm-sys-util/parse.h>

#include "nearest.h"

#define MAX_ROWS 256
#define PHRASE 160	/* room for the part of a sentence that varies */

/* One parse: what it is told, and which rows were seen. */
struct parse {
	const struct vsu_option *table;
	vsu_option_fn fn;
	void *opaque;
	struct vsu_error *err;
	const char *list;	/* "--disk"; NULL for a command line */
	uint64_t seen[MAX_ROWS / 64];
};

/* "option --size" or "--disk: key 'size'", for the start of a sentence. */
static const char *subject(const struct parse *p, const char *name, char *buf)
{
	if (p->list)
		snprintf(buf, PHRASE, "%.80s: key '%.60s'", p->list, name);
	else
		snprintf(buf, PHRASE, "option --%.60s", name);
	return buf;
}

static int find(const struct vsu_option *table, const char *name, size_t len)
{
	int i;

	for (i = 0; table[i].name; i++)
		if (!strncmp(table[i].name, name, len) && !table[i].name[len])
			return i;
	return -ENOENT;
}

static const char *nearest_row(const struct vsu_option *table, const char *name)
{
	unsigned int distance, best = VSU_PRIV_FAR;
	const char *nearest = NULL;

	for (; table->name; table++) {
		distance = vsu_priv_distance(name, table->name);
		if (distance >= best)
			continue;
		best = distance;
		nearest = table->name;
	}
	return nearest;
}

/* "file, size, engine", as many as fit */
static const char *all_names(const struct vsu_option *table, char *buf,
			     size_t size)
{
	size_t used = 0, i;

	buf[0] = '\0';
	for (i = 0; table[i].name; i++) {
		if (used + strlen(table[i].name) + sizeof(", ...") > size)
			break;
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 i ? ", " : "", table[i].name);
	}
	if (table[i].name)
		snprintf(buf + used, size - used, "%s...", i ? ", " : "");
	return buf;
}

/* name is without dashes, word as it was typed. */
static int unknown(const struct parse *p, const char *name, const char *word)
{
	const char *nearest = nearest_row(p->table, name);
	const char *dashes = p->list ? "" : "--";
	char where[PHRASE], names[PHRASE];

	if (p->list)
		snprintf(where, sizeof(where), "%.80s: unknown key", p->list);
	else
		snprintf(where, sizeof(where), "unknown option");
	if (nearest)
		return vsu_error_set(p->err, -ENOENT,
				     "%s '%s'; did you mean '%s%s'?",
				     where, word, dashes, nearest);
	return vsu_error_set(p->err, -ENOENT, "%s '%s'; %s%s", where, word,
			     p->list ? "there are " :
				       "try --help for the options there are",
			     p->list ? all_names(p->table, names,
						 sizeof(names)) : "");
}

/* What the help and the sentences call the value of a row. */
static const char *arg_name(const struct vsu_option *o)
{
	static const char *const names[] = {
		[VSU_OPTION_FLAG] = "on|off",
		[VSU_OPTION_STRING] = "TEXT",
		[VSU_OPTION_U64] = "N",
		[VSU_OPTION_SIZE] = "SIZE",
		[VSU_OPTION_CHOICE] = "WORD",
	};

	return o->arg ? o->arg : names[o->kind];
}

static int missing_value(const struct parse *p, const struct vsu_option *o)
{
	char who[PHRASE];

	return vsu_error_set(p->err, -EINVAL,
			     "%s needs a value; write %s%s=%s",
			     subject(p, o->name, who), p->list ? "" : "--",
			     o->name, arg_name(o));
}

/* " 1 to 16", " 4k to 1T", or "" where a row has no limits. */
static const char *limits(const struct vsu_option *o, char *buf, size_t size)
{
	char min[24], max[24];

	buf[0] = '\0';
	if (!o->min && !o->max)
		return buf;
	if (o->kind == VSU_OPTION_SIZE) {
		vsu_format_size(o->min, min, sizeof(min));
		vsu_format_size(o->max, max, sizeof(max));
	} else {
		snprintf(min, sizeof(min), "%" PRIu64, o->min);
		snprintf(max, sizeof(max), "%" PRIu64, o->max);
	}
	snprintf(buf, size, "%s to %s", min, max);
	return buf;
}

static int refuse_number(const struct parse *p, const struct vsu_option *o,
			 const char *text, int rc)
{
	bool is_size = o->kind == VSU_OPTION_SIZE;
	char who[PHRASE], range[64];

	subject(p, o->name, who);
	limits(o, range, sizeof(range));
	if (rc == -ERANGE)
		return vsu_error_set(p->err, -EINVAL,
				     "%s: '%s' exceeds 64 bits%s%s", who, text,
				     *range ? "; allowed is " : "", range);
	return vsu_error_set(p->err, -EINVAL,
			     "%s: '%s' is not a %s; give %s%s%s", who, text,
			     is_size ? "size" : "number",
			     is_size ? "bytes, or a number with k, M, G, T, P or E" :
				       "a decimal or 0x hexadecimal number",
			     *range ? ", " : "", range);
}

static int refuse_range(const struct parse *p, const struct vsu_option *o,
			const char *text, uint64_t number)
{
	char who[PHRASE], range[64];
	int i = (int)(o - p->table);

	vsu_error_set(p->err, -EINVAL, "%s: %s is out of range; allowed is %s",
		      subject(p, o->name, who), text,
		      limits(o, range, sizeof(range)));
	vsu_error_operands(p->err, 0, (uint16_t)i, number,
			   number < o->min ? o->min : o->max);
	return -EINVAL;
}

static int judge_number(const struct parse *p, const struct vsu_option *o,
			struct vsu_option_value *v)
{
	int rc = o->kind == VSU_OPTION_SIZE ?
		 vsu_parse_size(v->text, &v->number) :
		 vsu_parse_u64(v->text, &v->number);

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

static int judge_choice(const struct parse *p, const struct vsu_option *o,
			struct vsu_option_value *v)
{
	char who[PHRASE], words[PHRASE];
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
			     subject(p, o->name, who), v->text,
			     join_choices(o->choices, words, sizeof(words)),
			     nearest ? "; did you mean '" : "",
			     nearest ? nearest : "", nearest ? "'?" : "");
}

static int judge_flag(const struct parse *p, const struct vsu_option *o,
		      struct vsu_option_value *v)
{
	char who[PHRASE];
	bool on;

	if (vsu_parse_bool(v->text, &on) < 0)
		return vsu_error_set(p->err, -EINVAL,
				     "%s: '%s' is neither on nor off; write %s=on or %s=off",
				     subject(p, o->name, who), v->text,
				     o->name, o->name);
	v->number = on;
	return 0;
}

static int judge_string(const struct parse *p, const struct vsu_option *o,
			struct vsu_option_value *v)
{
	(void)p;
	(void)o;
	(void)v;
	return 0;
}

static int (*const judges[])(const struct parse *p, const struct vsu_option *o,
			     struct vsu_option_value *v) = {
	[VSU_OPTION_FLAG] = judge_flag,
	[VSU_OPTION_STRING] = judge_string,
	[VSU_OPTION_U64] = judge_number,
	[VSU_OPTION_SIZE] = judge_number,
	[VSU_OPTION_CHOICE] = judge_choice,
};

/* The second time; says true the first time and for rows that may repeat. */
static bool first_time(struct parse *p, unsigned int row)
{
	uint64_t bit = UINT64_C(1) << (row % 64);

	if (p->table[row].repeat)
		return true;
	if (p->seen[row / 64] & bit)
		return false;
	p->seen[row / 64] |= bit;
	return true;
}

/* Hands one option to the caller; text is never NULL. */
static int deliver(struct parse *p, unsigned int row, const char *text)
{
	const struct vsu_option *o = &p->table[row];
	struct vsu_option_value value = { text, 0 };
	char who[PHRASE];
	int rc;

	if (!first_time(p, row))
		return vsu_error_set(p->err, -EINVAL,
				     "%s is given more than once; give it once",
				     subject(p, o->name, who));
	rc = judges[o->kind](p, o, &value);
	if (rc < 0)
		return rc;
	vsu_error_clear(p->err);
	rc = p->fn(p->opaque, row, &value, p->err);
	if (rc < 0 && p->err && !p->err->msg[0])
		vsu_error_sys(p->err, rc, "%s: '%s' is refused",
			      subject(p, o->name, who), text);
	return rc < 0 ? rc : 0;
}

static int check_table(const struct vsu_option *table, struct vsu_error *err)
{
	unsigned int rows = 0;

	while (table[rows].name)
		rows++;
	if (rows > MAX_ROWS)
		return vsu_error_set(err, -EINVAL,
				     "the table has %u options, at most %d are possible",
				     rows, MAX_ROWS);
	return 0;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* True for "--" and for "--name" and "--name=value" of the table. */
static bool is_known(const struct vsu_option *table, const char *word)
{
	if (strncmp(word, "--", 2))
		return false;
	return !word[2] ||
	       find(table, word + 2, strcspn(word + 2, "=")) >= 0;
}

/* The value of a row from the next word, or NULL with the reason in err. */
static const char *next_word(const struct parse *p, const struct vsu_option *o,
			     const char *next)
{
	if (!next) {
		missing_value(p, o);
		return NULL;
	}
	if (!is_known(p->table, next))
		return next;
	vsu_error_set(p->err, -EINVAL,
		      "option --%s needs a value, and '%s' is an option; write --%s=%s",
		      o->name, next, o->name, arg_name(o));
	return NULL;
}

/* The word as typed, without its value. */
static int unknown_word(const struct parse *p, const char *word)
{
	char typed[PHRASE];

	snprintf(typed, sizeof(typed), "%.*s",
		 (int)strcspn(word, "="), word);
	return unknown(p, typed + strspn(typed, "-"), typed);
}

/*
 * Handles the option in word; next is the word behind it or NULL. Returns
 * the number of words used or a negative errno.
 */
static int parse_word(struct parse *p, const char *word, const char *next)
{
	const char *name = word + 2;
	size_t len = strcspn(word, "=");
	const char *text = word[len] ? word + len + 1 : NULL;
	int row = word[1] == '-' ? find(p->table, name, len - 2) : -ENOENT;
	const struct vsu_option *o;
	int rc, used = 1;

	if (row < 0)
		return unknown_word(p, word);
	o = &p->table[row];
	if (o->kind == VSU_OPTION_FLAG && text)
		return vsu_error_set(p->err, -EINVAL,
				     "option --%s takes no value, and '%s' is given; write --%s alone, or leave it out",
				     o->name, text, o->name);
	if (o->kind == VSU_OPTION_FLAG) {
		text = "on";
	} else if (!text) {
		text = next_word(p, o, next);
		used = 2;
	}
	if (!text)
		return -EINVAL;
	rc = deliver(p, (unsigned int)row, text);
	return rc < 0 ? rc : used;
}

int vsu_option_parse_argv(const struct vsu_option *table, int argc,
			  char *const *argv, vsu_option_fn fn, void *opaque,
			  int *operands, struct vsu_error *err)
{
	struct parse p = { table, fn, opaque, err, NULL, { 0 } };
	int rc = check_table(table, err);
	int i = 1;

	if (rc < 0)
		return rc;
	while (i < argc && is_option(argv[i]) && strcmp(argv[i], "--")) {
		rc = parse_word(&p, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		if (rc < 0)
			return rc;
		i += rc;
	}
	if (i < argc && !strcmp(argv[i], "--"))
		i++;
	*operands = i < argc ? i : argc;
	return 0;
}

/*
 * Takes a value off *in, undoubling commas, to *out, which may be the same
 * memory. Stops behind the comma that ends it; true when there was one.
 */
static bool take_value(char **in, char **out)
{
	char *from = *in, *to = *out;
	bool comma;

	while (*from && (from[0] != ',' || from[1] == ',')) {
		from += *from == ',';
		*to++ = *from++;
	}
	comma = *from == ',';
	*in = from + comma;
	*to++ = '\0';
	*out = to;
	return comma;
}

/* One "key=value" or "key"; text is NULL where there is no "=". */
static int deliver_key(struct parse *p, const char *key, const char *text)
{
	int row = find(p->table, key, strlen(key));
	const struct vsu_option *o;

	if (!*key)
		return vsu_error_set(p->err, -EINVAL,
				     "%s: a key is missing; write key=value,key=value and double a comma within a value",
				     p->list);
	if (row < 0)
		return unknown(p, key, key);
	o = &p->table[row];
	if (!text && o->kind != VSU_OPTION_FLAG &&
	    o->kind != VSU_OPTION_CHOICE)
		return missing_value(p, o);
	return deliver(p, (unsigned int)row, text ? text : "on");
}

/* Works in place: what is read is never shorter than what is written. */
static int parse_pairs(struct parse *p, char *text)
{
	char *in = text, *key, *value, *out;
	bool more = *text;
	int rc = 0;

	while (more && !rc) {
		key = in;
		in += strcspn(in, "=,");
		value = NULL;
		if (*in == '=') {
			*in++ = '\0';
			value = out = in;
			more = take_value(&in, &out);
		} else {
			more = *in == ',';
			if (more)
				*in++ = '\0';
		}
		rc = deliver_key(p, key, value);
	}
	return rc;
}

int vsu_option_parse_list(const struct vsu_option *table, const char *what,
			  const char *list, char *scratch, size_t scratch_size,
			  vsu_option_fn fn, void *opaque,
			  struct vsu_error *err)
{
	struct parse p = { table, fn, opaque, err, what, { 0 } };
	size_t len = strlen(list);
	int rc = check_table(table, err);

	if (rc < 0)
		return rc;
	if (len >= scratch_size)
		return vsu_error_set(err, -EINVAL,
				     "%s: the list has %zu characters, at most %zu fit; shorten it",
				     what, len, scratch_size ? scratch_size - 1 : 0);
	memcpy(scratch, list, len + 1);
	return parse_pairs(&p, scratch);
}

/* Text that is cut at the end of a buffer but counted in full. */
struct text {
	char *buf;
	size_t size, len;
};

static void VSU_PRINTF(2, 3) add(struct text *t, const char *fmt, ...)
{
	size_t room = t->len < t->size ? t->size - t->len : 0;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room ? t->buf + t->len : NULL, room, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? (size_t)n : 0;
}

/* Where the sentences begin; longer options have them on the next line. */
#define HELP_COLUMN 28

static void add_left(struct text *t, const struct vsu_option *o)
{
	size_t i;

	add(t, "  --%s", o->name);
	if (o->kind == VSU_OPTION_FLAG)
		return;
	if (o->kind != VSU_OPTION_CHOICE || o->arg) {
		add(t, "=%s", arg_name(o));
		return;
	}
	for (i = 0; o->choices[i]; i++)
		add(t, "%c%s", i ? '|' : '=', o->choices[i]);
}

static void add_row(struct text *t, const struct vsu_option *o)
{
	size_t start = t->len, width;
	char range[64];

	add_left(t, o);
	width = t->len - start;
	if (width + 2 > HELP_COLUMN) {
		add(t, "\n");
		width = 0;
	}
	add(t, "%*s%s", (int)(HELP_COLUMN - width), "", o->help ? o->help : "");
	if (o->kind == VSU_OPTION_U64 || o->kind == VSU_OPTION_SIZE)
		if (*limits(o, range, sizeof(range)))
			add(t, " (%s)", range);
	add(t, "\n");
}

size_t vsu_option_help(const struct vsu_option *table, char *buf, size_t size)
{
	struct text t = { buf, size, 0 };

	if (size)
		buf[0] = '\0';
	for (; table->name; table++)
		add_row(&t, table);
	return t.len;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines and "key=value,..." lists: both become pairs of name and value, which one
 * function checks by the table.
 */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "option_priv.h"

static int check_rows(const struct vsu_option *table, struct vsu_error *err)
{
	unsigned int rows = 0;

	while (table[rows].name)
		rows++;
	if (rows > VSU_PRIV_MAX_ROWS)
		return vsu_error_set(err, -EINVAL,
				     "the table has %u options, at most %d are possible",
				     rows, VSU_PRIV_MAX_ROWS);
	return 0;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1];
}

/* The row of "--name", "--name=value" or "-n", or -ENOENT. */
static int row_of_word(const struct vsu_option *table, const char *word)
{
	int i;

	if (word[1] == '-')
		return vsu_priv_find_row(table, word + 2,
					 strcspn(word + 2, "="));
	for (i = 0; table[i].name; i++)
		if (table[i].letter && table[i].letter == word[1] && !word[2])
			return i;
	return -ENOENT;
}

/* True for "--" and for the options of the table. */
static bool is_known(const struct vsu_option *table, const char *word)
{
	return is_option(word) &&
	       (!strcmp(word, "--") || row_of_word(table, word) >= 0);
}

/* The value of a row from the next word, or NULL with the reason in err. */
static const char *next_word(const struct vsu_priv_parse *p,
			     const struct vsu_option *o, const char *next)
{
	if (next && !is_known(p->table, next))
		return next;
	vsu_priv_missing_value(p, o, next);
	return NULL;
}

/* Refuses the word as it was typed, without its value. */
static int unknown_word(const struct vsu_priv_parse *p, const char *word)
{
	char typed[VSU_PRIV_PHRASE];

	snprintf(typed, sizeof(typed), "%.*s",
		 (int)strcspn(word, "="), word);
	return vsu_priv_unknown(p, typed + strspn(typed, "-"), typed);
}

/*
 * Handles the option in word; next is the word behind it or NULL. Returns
 * the number of words used or a negative errno.
 */
static int parse_word(struct vsu_priv_parse *p, const char *word,
		      const char *next)
{
	const size_t len = strcspn(word, "=");
	const char *text = word[len] ? word + len + 1 : NULL;
	int row = row_of_word(p->table, word), rc, used = 1;
	const struct vsu_option *o;

	if (row < 0)
		return unknown_word(p, word);
	o = &p->table[row];
	if (o->kind == VSU_OPTION_FLAG && text)
		return vsu_error_set(p->err, -EINVAL,
				     "option --%s takes no value, but has '%s'; write --%s alone, or leave it out",
				     o->name, text, o->name);
	if (o->kind == VSU_OPTION_FLAG) {
		text = "on";
	} else if (!text) {
		text = next_word(p, o, next);
		used = 2;
	}
	if (!text)
		return -EINVAL;
	rc = vsu_priv_deliver(p, (unsigned int)row, text);
	return rc < 0 ? rc : used;
}

/* Delivers an operand to the first row for operands that accepts a further one. */
static int parse_operand(struct vsu_priv_parse *p, const char *word)
{
	const struct vsu_option *last = NULL;
	unsigned int i;

	for (i = 0; p->table[i].name; i++) {
		if (p->table[i].kind != VSU_OPTION_OPERAND)
			continue;
		last = &p->table[i];
		if (last->repeat || !vsu_priv_was_seen(p, i))
			return vsu_priv_deliver(p, i, word);
	}
	if (last)
		return vsu_error_set(p->err, -ENOENT,
				     "unexpected argument '%s' after %s",
				     word, last->name);
	return vsu_error_set(p->err, -ENOENT, "unexpected argument '%s'%s",
			     word,
			     vsu_priv_has_help(p->table) ? "; see --help" : "");
}

/* Parses the words before the first operand; returns its index, or argc. */
static int parse_options(struct vsu_priv_parse *p, int argc,
			 char *const *argv, int i)
{
	int rc;

	while (i < argc && is_option(argv[i]) && strcmp(argv[i], "--")) {
		rc = parse_word(p, argv[i], i + 1 < argc ? argv[i + 1] : NULL);
		if (rc < 0)
			return rc;
		i += rc;
	}
	return i < argc ? i : argc;
}

static int parse_all(struct vsu_priv_parse *p, int argc, char *const *argv)
{
	bool ended = false;
	int i = 1, rc = 0;

	while (i < argc && rc >= 0) {
		if (!ended) {
			i = parse_options(p, argc, argv, i);
			if (i < 0 || i >= argc)
				return i < 0 ? i : 0;
			ended = !strcmp(argv[i], "--");
			if (ended) {
				i++;
				continue;
			}
		}
		rc = parse_operand(p, argv[i++]);
	}
	return rc;
}

int vsu_option_parse_argv(const struct vsu_option *table, int argc,
			  char *const *argv, vsu_option_fn fn, void *opaque,
			  int *operands, struct vsu_error *err)
{
	struct vsu_priv_parse p = { table, fn, opaque, err, NULL, { 0 } };
	int rc = check_rows(table, err);
	int i;

	if (rc < 0)
		return rc;
	if (!operands)
		return parse_all(&p, argc, argv);
	i = parse_options(&p, argc, argv, 1);
	if (i < 0)
		return i;
	if (i < argc && !strcmp(argv[i], "--"))
		i++;
	*operands = i;
	return 0;
}

/*
 * Moves a value from *in to *out, which may be the same memory, and replaces doubled commas
 * by one. Stops behind the comma that ends the value; true if there was one.
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

/* Delivers one "key=value" or "key"; text is NULL without "=". */
static int deliver_key(struct vsu_priv_parse *p, const char *key,
		       const char *text)
{
	int row = vsu_priv_find_row(p->table, key, strlen(key));
	const struct vsu_option *o;

	if (!*key)
		return vsu_error_set(p->err, -EINVAL,
				     "%s: a key is missing; write key=value,key=value and double a comma within a value",
				     p->list);
	if (row < 0)
		return vsu_priv_unknown(p, key, key);
	o = &p->table[row];
	if (!text && o->kind != VSU_OPTION_FLAG &&
	    o->kind != VSU_OPTION_CHOICE)
		return vsu_priv_missing_value(p, o, NULL);
	return vsu_priv_deliver(p, (unsigned int)row, text ? text : "on");
}

/* Works in place: the text that it writes is never longer than the text that it has read. */
static int parse_pairs(struct vsu_priv_parse *p, char *text)
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
	struct vsu_priv_parse p = { table, fn, opaque, err, what, { 0 } };
	size_t len = strlen(list);
	int rc = check_rows(table, err);

	if (rc < 0)
		return rc;
	if (len >= scratch_size)
		return vsu_error_set(err, -EINVAL,
				     "%s: the list has %zu characters, at most %zu fit; shorten it",
				     what, len, scratch_size ? scratch_size - 1 : 0);
	memcpy(scratch, list, len + 1);
	return parse_pairs(&p, scratch);
}

int vsu_option_parse_pair(const struct vsu_option *table, const char *what,
			  const char *key, const char *value,
			  vsu_option_fn fn, void *opaque,
			  struct vsu_error *err)
{
	struct vsu_priv_parse p = { table, fn, opaque, err, what, { 0 } };
	int rc = check_rows(table, err);

	return rc < 0 ? rc : deliver_key(&p, key, value);
}

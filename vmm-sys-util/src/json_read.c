/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads one member of a JSON object, a string or a list of strings, or all values. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/json_read.h>

#define MAX_DEPTH 32

/* Functions leave at behind the text that they read, or at the fault. */
struct reader {
	const char *start;
	char *at;
};

static void skip_blanks(struct reader *r)
{
	r->at += strspn(r->at, " \t\r\n");
}

static bool skip_char(struct reader *r, char c)
{
	skip_blanks(r);
	if (*r->at != c)
		return false;
	r->at++;
	skip_blanks(r);
	return true;
}

/* Four hexadecimal digits, or -1. */
static int32_t read_unit(const char *s)
{
	static const char digits[] = "0123456789abcdef";
	const char *digit;
	int32_t unit = 0;
	int i;

	for (i = 0; i < 4; i++) {
		digit = s[i] ? strchr(digits, s[i] >= 'A' && s[i] <= 'F' ?
				      s[i] + 32 : s[i]) : NULL;
		if (!digit)
			return -1;
		unit = unit << 4 | (int32_t)(digit - digits);
	}
	return unit;
}

/* Stores c in UTF-8, which is never longer than its escape sequence. */
static char *store_character(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*to++ = (char)(0xe0 | c >> 12);
		} else {
			*to++ = (char)(0xf0 | c >> 18);
			*to++ = (char)(0x80 | (c >> 12 & 0x3f));
		}
		*to++ = (char)(0x80 | (c >> 6 & 0x3f));
	}
	*to++ = (char)(0x80 | (c & 0x3f));
	return to;
}

/*
 * Reads the digits behind "\u"; a pair of surrogates is one character. A string cannot
 * contain 0.
 */
static bool read_unicode(struct reader *r, char **to)
{
	int32_t c = read_unit(r->at), low;

	if (c <= 0 || (c >= 0xdc00 && c < 0xe000))
		return false;
	r->at += 4;
	if (c >= 0xd800 && c < 0xdc00) {
		low = r->at[0] == '\\' && r->at[1] == 'u' ?
		      read_unit(r->at + 2) : -1;
		if (low < 0xdc00 || low >= 0xe000)
			return false;
		r->at += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = store_character(*to, (uint32_t)c);
	return true;
}

static bool read_escape(struct reader *r, char **to)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char c = *r->at;
	const char *name = c ? strchr(names, c) : NULL;

	if (!name && c != 'u')
		return false;
	r->at++;
	if (c == 'u')
		return read_unicode(r, to);
	*(*to)++ = values[name - names];
	return true;
}

/* Decodes a string in place; NULL: not a string. */
static char *read_string(struct reader *r)
{
	char *word, *to;

	if (*r->at != '"')
		return NULL;
	word = to = ++r->at;
	while (*r->at != '"') {
		if ((unsigned char)*r->at < ' ')
			return NULL;
		if (*r->at != '\\')
			*to++ = *r->at++;
		else if (r->at++, !read_escape(r, &to))
			return NULL;
	}
	*to = '\0';
	r->at++;
	return word;
}

static bool skip_value(struct reader *r, int depth);

/* Skips values up to the closing bracket; named: each has a name (object). */
static bool skip_members(struct reader *r, bool named, int depth)
{
	const char closing = named ? '}' : ']';

	r->at++;
	if (skip_char(r, closing))
		return true;
	do {
		if (named && (!read_string(r) || !skip_char(r, ':')))
			return false;
		if (!skip_value(r, depth + 1))
			return false;
	} while (skip_char(r, ','));
	return skip_char(r, closing);
}

static bool skip_value(struct reader *r, int depth)
{
	size_t len;

	skip_blanks(r);
	if (depth > MAX_DEPTH)
		return false;
	if (*r->at == '"')
		return read_string(r) != NULL;
	if (*r->at == '{' || *r->at == '[')
		return skip_members(r, *r->at == '{', depth);
	len = strspn(r->at, "+-.0123456789Eaeflnrstu");
	r->at += len;
	return len > 0;
}

/* Reads the value of the wanted member: the number of its strings, or a negative errno. */
typedef int member_reader(struct reader *r, char **words, int max);

static int read_one(struct reader *r, char **words, int max)
{
	(void)max;
	words[0] = read_string(r);
	skip_blanks(r);
	return words[0] ? 1 : -EBADMSG;
}

static int read_array(struct reader *r, char **words, int max)
{
	int n = 0;

	if (!skip_char(r, '['))
		return -EBADMSG;
	if (skip_char(r, ']'))
		return 0;
	do {
		if (n == max)
			return -E2BIG;
		words[n] = read_string(r);
		if (!words[n++])
			return -EBADMSG;
	} while (skip_char(r, ','));
	return skip_char(r, ']') ? n : -EBADMSG;
}

static int read_document(struct reader *r, const char *name,
			 member_reader *read_value, char **words, int max)
{
	const char *member;
	int n = -ENOENT;

	if (!skip_char(r, '{'))
		return -EBADMSG;
	do {
		member = read_string(r);
		if (!member || !skip_char(r, ':'))
			return -EBADMSG;
		if (n == -ENOENT && !strcmp(member, name))
			n = read_value(r, words, max);
		else if (!skip_value(r, 0))
			return -EBADMSG;
	} while (skip_char(r, ',') && (n >= 0 || n == -ENOENT));
	if (n < 0 && n != -ENOENT)
		return n;
	return skip_char(r, '}') && !*r->at ? n : -EBADMSG;
}

static int fault_of(const struct reader *r, const char *name, const char *kind, int rc,
		    struct vsu_error *err)
{
	if (rc == -ENOENT)
		return vsu_error_set(err, -EBADMSG, "the JSON object has no member '%s'",
				     name);
	return vsu_error_set(err, rc, "byte %zu: not a JSON object with %s '%s'",
			     (size_t)(r->at - r->start), kind, name);
}

int vsu_json_read_strings(char *text, const char *name, char **words, int max,
			  struct vsu_error *err)
{
	struct reader r = { text, text };
	const int n = read_document(&r, name, read_array, words, max);

	if (n == -E2BIG)
		return vsu_error_set(err, n, "'%s' has more than %d strings",
				     name, max);
	return n >= 0 ? n : fault_of(&r, name, "an array of strings", n, err);
}

int vsu_json_read_string(char *text, const char *name, char **word,
			 struct vsu_error *err)
{
	struct reader r = { text, text };
	const int rc = read_document(&r, name, read_one, word, 1);

	return rc < 0 ? fault_of(&r, name, "a string", rc, err) : 0;
}

/* ----------------------------------------------------------------------- paths */

/* Returns the text behind the index at path; NULL: no index, or one that is too large. */
static const char *read_index(const char *path, unsigned int *index)
{
	const size_t digits = strspn(path, "0123456789");
	size_t i;

	if (!digits || digits > 9)
		return NULL;
	for (*index = 0, i = 0; i < digits; i++)
		*index = *index * 10 + (unsigned int)(path[i] - '0');
	return path + digits;
}

bool vsu_json_match(const char *path, const char *form, unsigned int *last, const char **rest)
{
	unsigned int index = 0;
	bool has_index = false;

	for (; *form && *form != '*'; form++) {
		if (*form == '#') {
			path = read_index(path, &index);
			has_index = true;
		} else {
			path = *path == *form ? path + 1 : NULL;
		}
		if (!path)
			return false;
	}
	if (!*form != !*path)
		return false;
	if (last && has_index)
		*last = index;
	if (rest && *form)
		*rest = path;
	return true;
}

/* --------------------------------------------------------------- whole objects */

struct walk {
	struct reader r;
	char path[VSU_JSON_PATH];
	vsu_json_fn fn;
	void *opaque;
};

static bool walk_value(struct walk *w, size_t len, int depth);

/* name NULL: the member has an index, in an array. */
static bool walk_member(struct walk *w, size_t len, const char *name,
			unsigned int index, int depth)
{
	const char *dot = len ? "." : "";
	int n = name ? snprintf(w->path + len, sizeof(w->path) - len, "%s%s", dot, name) :
		       snprintf(w->path + len, sizeof(w->path) - len, "%s%u", dot, index);

	return n >= 0 && (size_t)n < sizeof(w->path) - len &&
	       walk_value(w, len + (size_t)n, depth + 1);
}

static bool walk_members(struct walk *w, size_t len, bool named, int depth)
{
	const char closing = named ? '}' : ']';
	const char *name = NULL;
	unsigned int i = 0;

	w->r.at++;
	if (skip_char(&w->r, closing))
		return true;
	do {
		if (named) {
			name = read_string(&w->r);
			if (!name || !skip_char(&w->r, ':'))
				return false;
		}
		if (!walk_member(w, len, name, i++, depth))
			return false;
	} while (skip_char(&w->r, ','));
	return skip_char(&w->r, closing);
}

/* Replaces the byte behind a number by 0 during the call. */
static bool walk_word(struct walk *w)
{
	char *word = w->r.at, *end;
	char behind;

	if (!skip_value(&w->r, 0))
		return false;
	end = w->r.at;
	behind = *end;
	*end = '\0';
	w->fn(w->opaque, w->path, word, false);
	*end = behind;
	return true;
}

static bool walk_value(struct walk *w, size_t len, int depth)
{
	const char *word;

	skip_blanks(&w->r);
	w->path[len] = '\0';
	if (depth > MAX_DEPTH)
		return false;
	if (*w->r.at == '{' || *w->r.at == '[')
		return walk_members(w, len, *w->r.at == '{', depth);
	if (*w->r.at != '"')
		return walk_word(w);
	word = read_string(&w->r);
	if (word)
		w->fn(w->opaque, w->path, word, true);
	return word;
}

int vsu_json_walk(char *text, vsu_json_fn fn, void *opaque, struct vsu_error *err)
{
	struct walk w = { .r = { text, text }, .fn = fn, .opaque = opaque };

	skip_blanks(&w.r);
	if (*w.r.at == '{' && walk_value(&w, 0, 0)) {
		skip_blanks(&w.r);
		if (!*w.r.at)
			return 0;
	}
	return vsu_error_set(err, -EBADMSG, "byte %zu: not a JSON object",
			     (size_t)(w.r.at - text));
}

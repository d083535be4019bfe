/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reading one list of strings out of a JSON document. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "json_read.h"

#define MAX_DEPTH 32

/* All functions leave at behind what they read, or at the fault. */
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

/* In UTF-8, which is never longer than the escape sequence. */
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

/* Behind "\u"; a pair of surrogates is one character. 0 ends no string. */
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

/* The number of strings in the array, or a negative errno. */
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

static int read_document(struct reader *r, const char *name, char **words,
			 int max)
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
			n = read_array(r, words, max);
		else if (!skip_value(r, 0))
			return -EBADMSG;
	} while (skip_char(r, ',') && (n >= 0 || n == -ENOENT));
	if (n < 0 && n != -ENOENT)
		return n;
	return skip_char(r, '}') && !*r->at ? n : -EBADMSG;
}

int prog_json_read_strings(char *text, const char *name, char **words, int max,
			   struct vsu_error *err)
{
	struct reader r = { text, text };
	const int n = read_document(&r, name, words, max);

	if (n == -ENOENT)
		return vsu_error_set(err, -EBADMSG, "the JSON object has no member '%s'",
				     name);
	if (n == -E2BIG)
		return vsu_error_set(err, n, "'%s' has more than %d strings",
				     name, max);
	return n >= 0 ? n : vsu_error_set(err, n, "byte %zu: not a JSON object with an array of strings '%s'",
					  (size_t)(r.at - r.start), name);
}

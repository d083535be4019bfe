/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* JSON strings, and command lines as JSON. */
#include <config.h>

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "json.h"

/* UTF-8 sequences: mask and value of the first byte, and the smallest code point. */
static const struct form {
	unsigned char mask, first;
	size_t len;
	uint32_t least;
} forms[] = {
	{ 0x80, 0x00, 1, 0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

/* The length of the character at s; 0: invalid UTF-8. */
static size_t character_len(const unsigned char *s)
{
	const struct form *form = forms, *end = forms + 4;
	uint32_t value;
	size_t i;

	while (form < end && (*s & form->mask) != form->first)
		form++;
	if (form == end)
		return 0;
	value = *s & (unsigned char)~form->mask;
	for (i = 1; i < form->len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;	/* also at the terminating 0 */
		value = value << 6 | (s[i] & 0x3f);
	}
	if (value < form->least || value > 0x10ffff ||
	    (value >= 0xd800 && value <= 0xdfff))
		return 0;
	return form->len;
}

void prog_json_string(const char *text, FILE *to)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	fputc('"', to);
	for (; *s; s += len ? len : 1) {
		len = character_len(s);
		if (!len)
			fputs("\\ufffd", to);
		else if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if (*s < ' ')
			fprintf(to, "\\u%04x", *s);
		else
			fwrite(s, 1, len, to);
	}
	fputc('"', to);
}

/* "./" keeps a name from being an option. */
static void put_file_name(const char *name, FILE *to)
{
	char path[PATH_MAX + 2];

	if (*name == '-' && strlen(name) < PATH_MAX) {
		snprintf(path, sizeof(path), "./%s", name);
		name = path;
	}
	prog_json_string(name, to);
}

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list;
}

void prog_json_words(char *const *words, int n, const char *const *skipped,
		     FILE *to)
{
	const char *comma = "";
	bool only_names = false;
	int i;

	for (i = 0; i < n; i++) {
		if (!only_names && !strcmp(words[i], "--")) {
			only_names = true;
			continue;
		}
		if (!only_names && is_one_of(words[i], skipped))
			continue;
		fputs(comma, to);
		comma = ",";
		if (only_names)
			put_file_name(words[i], to);
		else
			prog_json_string(words[i], to);
	}
}

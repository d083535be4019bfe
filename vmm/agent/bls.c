/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files of the Boot Loader Specification: lines of a key, blanks and a value. */
#include <stdio.h>
#include <string.h>

#include "agent/entry.h"

#define BLANKS " \t"
#define MAX_LINE (ENTRY_OPTIONS + 64)	/* a key and its value */

enum line { LINE_END, LINE_WHOLE, LINE_TOO_LONG };

/* The next line as a string, without blanks at its end. */
static enum line next_line(const char **at, const char *end, char line[MAX_LINE])
{
	const char *stop;
	size_t len;

	if (*at >= end)
		return LINE_END;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	stop = stop ? stop : end;
	len = (size_t)(stop - *at);
	line[0] = '\0';
	if (len < MAX_LINE) {
		memcpy(line, *at, len);
		line[len] = '\0';
		while (len && strchr(BLANKS "\r", line[len - 1]))
			line[--len] = '\0';
	}
	*at = stop + 1;
	return len < MAX_LINE ? LINE_WHOLE : LINE_TOO_LONG;
}

/* Ends the key, and returns the value. */
static char *split_line(char *line, char **key)
{
	char *value;

	*key = line + strspn(line, BLANKS);
	value = *key + strcspn(*key, BLANKS);
	if (*value)
		*value++ = '\0';
	return value + strspn(value, BLANKS);
}

/* Values of "initrd" may be several paths by variables. */
static void add_initrds(struct entry *e, char *value)
{
	char *at = value, *path;

	while ((path = strsep(&at, BLANKS)))
		if (*path)
			entry_add_initrd(e, path);
}

static void read_pair(struct entry *e, const char *key, char *value)
{
	if (!strcmp(key, "title"))
		entry_copy(e, e->title, sizeof(e->title), value);
	else if (!strcmp(key, "version"))
		entry_copy(e, e->version, sizeof(e->version), value);
	else if (!strcmp(key, "linux"))
		entry_copy(e, e->linux_path, sizeof(e->linux_path), value);
	else if (!strcmp(key, "initrd"))
		add_initrds(e, value);
	else if (!strcmp(key, "options"))
		entry_append(e, value);
}

void entry_read_bls(struct entry *e, const char *name, const char *text, size_t len,
		    const struct entry_variables *v)
{
	const char *at = text, *end = text + len;
	char line[MAX_LINE], value[ENTRY_OPTIONS], *key, *rest;
	enum line kind;

	memset(e, 0, sizeof(*e));
	entry_copy(e, e->version, sizeof(e->version), name);
	while ((kind = next_line(&at, end, line))) {
		rest = split_line(line, &key);
		if (*key == '#')
			continue;
		if (kind == LINE_WHOLE && entry_expand(v, rest, value, sizeof(value)))
			read_pair(e, key, value);
		else
			e->invalid = true;
	}
	if (!e->title[0])
		snprintf(e->title, sizeof(e->title), "%s", e->version);
}

bool entry_read_default(const char *text, size_t len, char *pattern, size_t size)
{
	const char *at = text, *end = text + len;
	char line[MAX_LINE], *key, *rest;

	while (next_line(&at, end, line)) {
		rest = split_line(line, &key);
		if (!strcmp(key, "default") && *rest && strlen(rest) < size) {
			snprintf(pattern, size, "%s", rest);
			return true;
		}
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files of the Boot Loader Specification: lines of a key, blanks and a value. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "entry.h"

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

/* The names of architectures are those of EFI. */
static bool is_of_machine(const struct entry_variables *v, const char *architecture)
{
	return !strcasecmp(architecture, !strcmp(entry_get(v, "grub_cpu", 8), "arm64") ? "aa64" : "x64");
}

static void read_pair(const struct entry_variables *v, struct entry *e, const char *key, char *value)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
	} texts[] = {
		{ "title", e->title, sizeof(e->title) },
		{ "version", e->version, sizeof(e->version) },
		{ "sort-key", e->sort_key, sizeof(e->sort_key) },
		{ "machine-id", e->machine_id, sizeof(e->machine_id) },
		{ "linux", e->linux_path, sizeof(e->linux_path) },
	};
	unsigned int i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(key, texts[i].key))
			entry_copy(e, key, texts[i].to, texts[i].size, value);
	if (!strcmp(key, "initrd"))
		add_initrds(e, value);
	else if (!strcmp(key, "options"))
		entry_append(e, value);
	else if (!strcmp(key, "devicetree"))
		e->has_device_tree = true;
	else if (!strcmp(key, "efi"))
		entry_reject(e, "it is an EFI program, which is not supported");
	else if (!strcmp(key, "uki") || !strcmp(key, "uki-url"))
		entry_reject(e, "it is a unified kernel image, which is not supported");
	else if (!strcmp(key, "architecture") && !is_of_machine(v, value))
		entry_reject(e, "it is for the architecture %.32s", value);
}

static bool is_of_kernel(const char *key)
{
	return !strcmp(key, "linux") || !strcmp(key, "initrd") || !strcmp(key, "options");
}

void entry_read_bls(struct entry *e, const char *name, const char *text, size_t len,
		    const struct entry_variables *v)
{
	const char *at = text, *end = text + len;
	char line[MAX_LINE], value[ENTRY_OPTIONS], *key, *rest;
	enum line kind;

	memset(e, 0, sizeof(*e));
	while ((kind = next_line(&at, end, line))) {
		rest = split_line(line, &key);
		if (*key == '#')
			continue;
		if (kind == LINE_WHOLE && entry_expand(v, is_of_kernel(key) ? e : NULL, rest, value, sizeof(value)))
			read_pair(v, e, key, value);
		else
			entry_reject(e, "one of its lines exceeds %d bytes", ENTRY_OPTIONS - 1);
	}
	if (!e->title[0])
		snprintf(e->title, sizeof(e->title), "%s", e->version[0] ? e->version : name);
	if (!e->linux_path[0])
		entry_reject(e, "it has no kernel");
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

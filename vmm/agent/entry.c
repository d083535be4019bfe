/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Texts of entries, and variables in them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "agent/entry.h"

void entry_copy(struct entry *e, char *to, size_t size, const char *text)
{
	if ((size_t)snprintf(to, size, "%s", text) >= size)
		e->invalid = true;
}

void entry_append(struct entry *e, const char *text)
{
	const size_t len = strlen(e->options);

	entry_copy(e, e->options + len, sizeof(e->options) - len, len && *text ? " " : "");
	entry_copy(e, e->options + strlen(e->options), sizeof(e->options) - strlen(e->options), text);
}

void entry_add_initrd(struct entry *e, const char *path)
{
	if (e->ninitrds == ENTRY_INITRDS)
		e->invalid = true;
	else
		entry_copy(e, e->initrds[e->ninitrds++], ENTRY_PATH, path);
}

static unsigned int find_variable(const struct entry_variables *v, const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < v->n; i++)
		if (strlen(v->rows[i].name) == len && !memcmp(v->rows[i].name, name, len))
			break;
	return i;
}

/* Variables that do not fit are unset, as in a GRUB without them. */
void entry_set(struct entry_variables *v, const char *name, size_t name_len, const char *value)
{
	const unsigned int i = find_variable(v, name, name_len);

	if (!*value || i == ENTRY_VARIABLES || name_len >= sizeof(v->rows[0].name) ||
	    strlen(value) >= sizeof(v->rows[0].value))
		return;
	if (i == v->n)
		v->n++;
	snprintf(v->rows[i].name, sizeof(v->rows[i].name), "%.*s", (int)name_len, name);
	snprintf(v->rows[i].value, sizeof(v->rows[i].value), "%s", value);
}

const char *entry_get(const struct entry_variables *v, const char *name, size_t len)
{
	const unsigned int i = find_variable(v, name, len);

	return i < v->n ? v->rows[i].value : "";
}

void entry_read_environment(struct entry_variables *v, const char *text, size_t len)
{
	const char *end = text + len, *next, *equals;
	char value[sizeof(v->rows[0].value)];

	for (; text < end; text = next + 1) {
		next = memchr(text, '\n', (size_t)(end - text));
		next = next ? next : end;
		equals = memchr(text, '=', (size_t)(next - text));
		if (!equals || *text == '#' || (size_t)(next - equals) > sizeof(value))
			continue;
		snprintf(value, sizeof(value), "%.*s", (int)(next - equals - 1), equals + 1);
		entry_set(v, text, (size_t)(equals - text), value);
	}
}

/* The name at text, after "$"; *after is behind it. */
static size_t read_name(const char *text, const char **name, const char **after)
{
	const bool braces = *text == '{';
	size_t len = 0;

	*name = text + braces;
	while (isalnum((unsigned char)(*name)[len]) || (*name)[len] == '_')
		len++;
	*after = *name + len + (braces && (*name)[len] == '}');
	return len;
}

bool entry_expand(const struct entry_variables *v, const char *text, char *out, size_t size)
{
	const char *name, *after, *value;
	size_t n = 0, len;

	while (*text) {
		len = 1;
		value = text;
		after = text + 1;
		if (*text == '$' && (len = read_name(text + 1, &name, &after))) {
			value = entry_get(v, name, len);
			len = strlen(value);
		} else if (*text == '$') {
			len = 1;
			after = text + 1;
		}
		if (len >= size - n)
			return false;
		memcpy(out + n, value, len);
		n += len;
		text = after;
	}
	out[n] = '\0';
	return true;
}

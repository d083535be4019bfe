/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Texts of entries, and variables in them. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "entry.h"

void entry_reject(struct entry *e, const char *fmt, ...)
{
	va_list ap;

	if (e->invalid)
		return;
	e->invalid = true;
	va_start(ap, fmt);
	vsnprintf(e->why, sizeof(e->why), fmt, ap);
	va_end(ap);
}

void entry_copy(struct entry *e, const char *what, char *to, size_t size, const char *text)
{
	if ((size_t)snprintf(to, size, "%s", text) >= size)
		entry_reject(e, "its %s exceeds %zu bytes", what, size - 1);
}

static void append_text(struct entry *e, const char *text)
{
	const size_t len = strlen(e->options);

	entry_copy(e, "command line", e->options + len, sizeof(e->options) - len, text);
	if (strlen(text) >= sizeof(e->options) - len)
		snprintf(e->why, sizeof(e->why), "its command line exceeds %d bytes", ENTRY_OPTIONS - 1);
}

void entry_append(struct entry *e, const char *text)
{
	size_t len;

	append_text(e, e->options[0] && *text ? " " : "");
	append_text(e, text);
	for (len = strlen(e->options); len && strchr(" \t", e->options[len - 1]); len--)
		e->options[len - 1] = '\0';
}

/* Linux ends a word at a blank outside of double quotes, which have no escapes. */
static bool needs_quotes(const char *word)
{
	bool quoted = false;

	for (; *word; word++) {
		quoted ^= *word == '"';
		if (!quoted && strchr(" \t", *word))
			return true;
	}
	return false;
}

void entry_append_word(struct entry *e, const char *word)
{
	const char *quote = needs_quotes(word) && !strchr(word, '"') ? "\"" : "";

	if (!*word)
		return;
	if (!*quote) {
		entry_append(e, word);
		return;
	}
	entry_append(e, quote);
	append_text(e, word);
	append_text(e, quote);
}

void entry_add_initrd(struct entry *e, const char *path)
{
	if (e->ninitrds == ENTRY_INITRDS)
		entry_reject(e, "it has more than %d initrds", ENTRY_INITRDS);
	else
		entry_copy(e, "path of an initrd", e->initrds[e->ninitrds++], ENTRY_PATH, path);
}

/* Each name once; those that do not fit are left out. */
void entry_note_unset(struct entry *e, const char *name, size_t len)
{
	char text[64], *at = e->unset;
	const size_t used = strlen(e->unset);

	if (len > sizeof(text) - 4)
		return;
	snprintf(text, sizeof(text), " $%.*s", (int)len, name);
	while ((at = strstr(at, text)))
		if (at += len + 2, !*at || *at == ' ')
			return;
	if (used + len + 2 < sizeof(e->unset))
		memcpy(e->unset + used, text, len + 3);
}

/* ---------------------------------------------------------------- variables */

static unsigned int find_variable(const struct entry_variables *v, const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < v->n; i++)
		if (strlen(v->rows[i].name) == len && !memcmp(v->rows[i].name, name, len))
			break;
	return i;
}

void entry_set(struct entry_variables *v, const char *name, size_t name_len, const char *value)
{
	const unsigned int i = find_variable(v, name, name_len);

	if (!*value || !name_len) {
		if (i < v->n)
			v->rows[i] = v->rows[--v->n];
		return;
	}
	if (i == ENTRY_VARIABLES || name_len >= sizeof(v->rows[0].name) ||
	    strlen(value) >= sizeof(v->rows[0].value)) {
		v->dropped++;
		return;
	}
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
		if (!equals || *text == '#')
			continue;
		if ((size_t)(next - equals) > sizeof(value)) {
			v->dropped++;
			continue;
		}
		snprintf(value, sizeof(value), "%.*s", (int)(next - equals - 1), equals + 1);
		entry_set(v, text, (size_t)(equals - text), value);
	}
}

size_t entry_read_name(const char *text, const char *end, const char **name, const char **after)
{
	const bool braces = text < end && *text == '{';
	const char *at = text + braces;

	*name = at;
	while (at < end && (isalnum((unsigned char)*at) || *at == '_'))
		at++;
	*after = at + (braces && at < end && *at == '}');
	return (size_t)(at - *name);
}

bool entry_expand(const struct entry_variables *v, struct entry *e, const char *text, char *out, size_t size)
{
	const char *name, *after, *value, *end = text + strlen(text);
	size_t n = 0, len, name_len;

	for (; *text; text = after, n += len) {
		len = 1;
		value = text;
		after = text + 1;
		name_len = *text == '$' ? entry_read_name(text + 1, end, &name, &after) : 0;
		if (name_len) {
			value = entry_get(v, name, name_len);
			len = strlen(value);
			if (!len && e)
				entry_note_unset(e, name, name_len);
		} else {
			after = text + 1;
		}
		if (len >= size - n)
			return false;
		memcpy(out + n, value, len);
	}
	out[n] = '\0';
	return true;
}

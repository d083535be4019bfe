/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Words of grub.cfg: quotes, escapes and variables (GRUB's manual, "Shell-like scripting"). */
#include <string.h>

#include "grub.h"

static bool is_one_of(const char *word, const char *const *names)
{
	while (*names && strcmp(word, *names) != 0)
		names++;
	return *names;
}

/* "if", "then" and others that begin or separate commands */
static bool is_keyword(const char *word)
{
	static const char *const names[] = {
		"!", "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", NULL,
	};

	return is_one_of(word, names);
}

bool grub_loads_kernel(const char *word)
{
	static const char *const names[] = { "linux", "linux16", "linuxefi", NULL };

	return is_one_of(word, names);
}

bool grub_loads_initrd(const char *word)
{
	static const char *const names[] = { "initrd", "initrd16", "initrdefi", NULL };

	return is_one_of(word, names);
}

const char *grub_skip_device(const char *path)
{
	const char *end = *path == '(' ? strchr(path, ')') : NULL;

	return end ? end + 1 : path;
}

/* -------------------------------------------------------------------- words */

static void put_char(struct grub_words *w, char c)
{
	if (w->used + 1 < sizeof(w->text))
		w->text[w->used++] = c;
	else
		w->too_long = true;
}

/* A word that begins at *word. */
static void end_word(struct grub_words *w, char **word)
{
	put_char(w, '\0');
	if (w->n < GRUB_MAX_WORDS && !w->too_long)
		w->words[w->n++] = *word;
	else
		w->too_long = true;
	*word = w->text + w->used;
}

/* A value that the entry's kernel needs. "search" sets the device of "($DEVICE)/PATH", which is skipped. */
static bool is_needed(const struct grub_words *w)
{
	return w->entry && w->n && (grub_loads_kernel(w->words[0]) || grub_loads_initrd(w->words[0])) &&
	       (!w->used || w->text[w->used - 1] != '(');
}

/* Features are those of a GRUB that has all. */
static const char *value_of(struct grub_words *w, const char *name, size_t len)
{
	static const char feature[] = "feature_";
	const char *value = entry_get(w->v, name, len);

	if (!*value && len > strlen(feature) && !memcmp(name, feature, strlen(feature)))
		return "y";
	if (!*value && is_needed(w))
		entry_note_unset(w->entry, name, len);
	return value;
}

/* Reads a variable at "$". Blanks of a value end a word unless it is quoted. */
static void read_variable(struct grub_words *w, char **word, bool quoted)
{
	const char *name, *after, *value;
	const size_t len = entry_read_name(w->at + 1, w->end, &name, &after);

	if (!len) {
		w->at++;
		if (quoted || w->at == w->end || *w->at != '"')	/* $"TEXT" is translated */
			put_char(w, '$');
		return;
	}
	w->at = after;
	if (!w->v)
		return;
	for (value = value_of(w, name, len); *value; value++)
		if (quoted || !strchr(" \t\n", *value))
			put_char(w, *value);
		else if (w->text + w->used != *word)
			end_word(w, word);
}

static void read_single(struct grub_words *w)
{
	for (w->at++; w->at < w->end && *w->at != '\''; w->at++)
		put_char(w, *w->at);
	w->at += w->at < w->end;
}

/* Reads what follows a backslash, which precedes a character that has a meaning here, or is itself. */
static void read_escaped(struct grub_words *w, const char *special)
{
	w->at++;
	if (w->at == w->end)
		return;
	if (*w->at != '\n') {
		if (*special && (!*w->at || !strchr(special, *w->at)))
			put_char(w, '\\');
		put_char(w, *w->at);
	}
	w->at++;
}

static void read_double(struct grub_words *w, char **word)
{
	for (w->at++; w->at < w->end && *w->at != '"';)
		if (*w->at == '\\')
			read_escaped(w, "$\"\\");
		else if (*w->at == '$')
			read_variable(w, word, true);
		else
			put_char(w, *w->at++);
	w->at += w->at < w->end;
}

static bool ends_word(char c)
{
	return c && strchr(" \t\r\n;{}", c);
}

/* A value without characters is a word only in quotes. */
static void read_word(struct grub_words *w)
{
	char *word = w->text + w->used;
	bool quoted = false;

	while (w->at < w->end && !ends_word(*w->at)) {
		quoted |= *w->at == '\'' || *w->at == '"';
		if (*w->at == '\'')
			read_single(w);
		else if (*w->at == '"')
			read_double(w, &word);
		else if (*w->at == '\\')
			read_escaped(w, "");
		else if (*w->at == '$')
			read_variable(w, &word, false);
		else
			put_char(w, *w->at++);
	}
	if (quoted || w->text + w->used != word)
		end_word(w, &word);
}

static void skip_comment(struct grub_words *w)
{
	while (w->at < w->end && *w->at != '\n')
		w->at++;
}

char grub_next_command(struct grub_words *w)
{
	const char *begin;
	char c;

	w->used = 0;
	w->n = 0;
	w->too_long = false;
	while (w->at < w->end) {
		c = *w->at;
		begin = w->at;
		if (c == '#') {
			skip_comment(w);
		} else if (!ends_word(c)) {
			read_word(w);
			if (w->n == 1 && *begin == w->words[0][0] && is_keyword(w->words[0]))
				return ' ';
		} else if (w->at++, !strchr(" \t\r", c)) {
			return c;
		}
	}
	return '\0';
}

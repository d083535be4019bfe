/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * grub.cfg: menu entries, their kernels and initrds, and variables. Conditions, functions and
 * other commands are skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/entry.h"

#define MAX_ENTRIES 128
#define MAX_WORDS 256
#define MAX_DEPTH 8
#define MAX_COMMAND 8192

enum block { BLOCK_OTHER, BLOCK_MENU, BLOCK_ENTRY };

struct menu_entry {
	struct entry entry;
	char place[32];		/* as GRUB counts: "1>0" */
	char id[ENTRY_TITLE];
};

struct grub {
	const char *at, *end;
	struct entry_variables *v;
	struct menu_entry *entries;
	unsigned int n;
	struct menu_entry *current;
	enum block blocks[MAX_DEPTH];
	unsigned int depth;
	unsigned int counts[MAX_DEPTH + 1]; /* entries so far in each open menu */
	unsigned int menus;	/* open ones: 0 is the whole file */
	char place[MAX_DEPTH + 1][24]; /* of each open menu: "1>" */
	char text[MAX_COMMAND];	/* the words of a command, one after another */
	char *words[MAX_WORDS];
	unsigned int nwords;
	size_t used;
	bool too_long;
};

/* ------------------------------------------------------------------ words */

static void put_char(struct grub *g, char c)
{
	if (g->used + 1 < sizeof(g->text))
		g->text[g->used++] = c;
	else
		g->too_long = true;
}

/* Up to the closing quote. Variables are replaced later, also those of single quotes. */
static void read_quoted(struct grub *g, char quote)
{
	for (; g->at < g->end && *g->at != quote; g->at++) {
		if (quote == '"' && *g->at == '\\' && g->at + 1 < g->end)
			g->at++;
		put_char(g, *g->at);
	}
	g->at += g->at < g->end;
}

static bool ends_word(char c)
{
	return strchr(" \t\r\n;{}", c) && c;
}

/* "${NAME}" has braces that end no word. */
static void read_variable(struct grub *g)
{
	while (g->at < g->end && *g->at != '}' && *g->at != '\n')
		put_char(g, *g->at++);
}

static void read_plain(struct grub *g)
{
	const char c = *g->at++;

	if (c == '\\' && g->at < g->end) {
		if (*g->at != '\n')
			put_char(g, *g->at);
		g->at++;
		return;
	}
	put_char(g, c);
	if (c == '$' && g->at < g->end && *g->at == '{') {
		read_variable(g);
		if (g->at < g->end && *g->at == '}')
			put_char(g, *g->at++);
	}
}

static void read_word(struct grub *g)
{
	char *word = g->text + g->used;

	while (g->at < g->end && !ends_word(*g->at)) {
		if (*g->at == '\'' || *g->at == '"')
			read_quoted(g, *g->at++);
		else
			read_plain(g);
	}
	put_char(g, '\0');
	if (g->nwords < MAX_WORDS && !g->too_long)
		g->words[g->nwords++] = word;
	else
		g->too_long = true;
}

static void skip_comment(struct grub *g)
{
	while (g->at < g->end && *g->at != '\n')
		g->at++;
}

/* The words of the next command. Returns what ended it: a brace, ';', a newline, or 0 for the end. */
static char next_command(struct grub *g)
{
	char c;

	g->used = 0;
	g->nwords = 0;
	g->too_long = false;
	while (g->at < g->end) {
		c = *g->at;
		if (c == '#' && (!g->nwords || strchr(" \t", g->at[-1])))
			skip_comment(g);
		else if (!ends_word(c))
			read_word(g);
		else if (g->at++, !strchr(" \t\r", c))
			return c;
	}
	return '\0';
}

/* --------------------------------------------------------------- commands */

/* Words that precede a command in its line. */
static unsigned int skip_keywords(const struct grub *g)
{
	static const char *const keywords[] = { "then", "else", "do", "set", "export" };
	unsigned int i = 0, k;

	for (k = 0; i < g->nwords && k < sizeof(keywords) / sizeof(keywords[0]); k++)
		if (!strcmp(g->words[i], keywords[k])) {
			i++;
			k = 0;
		}
	return i;
}

static void assign_variable(struct grub *g, const char *word)
{
	const char *equals = strchr(word, '=');
	char value[1024];

	if (equals && entry_expand(g->v, equals + 1, value, sizeof(value)))
		entry_set(g->v, word, (size_t)(equals - word), value);
}

/* "(DEVICE)/PATH": the device is a variable of "search", or has a name of GRUB's. */
static const char *skip_device(const char *path)
{
	const char *end = *path == '(' ? strchr(path, ')') : NULL;

	return end ? end + 1 : path;
}

/* The first one of an entry counts: an else branch may have the same kernel without an initrd. */
static void read_kernel(struct grub *g, unsigned int i)
{
	struct entry *e = &g->current->entry;
	char text[ENTRY_OPTIONS];

	if (e->linux_path[0])
		return;
	for (; i < g->nwords; i++) {
		if (!entry_expand(g->v, g->words[i], text, sizeof(text)))
			e->invalid = true;
		else if (!e->linux_path[0])
			entry_copy(e, e->linux_path, sizeof(e->linux_path), skip_device(text));
		else if (text[0])
			entry_append(e, text);
	}
}

static void read_initrds(struct grub *g, unsigned int i)
{
	char text[ENTRY_PATH];

	for (; i < g->nwords; i++) {
		if (!entry_expand(g->v, g->words[i], text, sizeof(text)))
			g->current->entry.invalid = true;
		else if (text[0])
			entry_add_initrd(&g->current->entry, skip_device(text));
	}
}

static bool is_one_of(const char *word, const char *const names[3])
{
	return !strcmp(word, names[0]) || !strcmp(word, names[1]) || !strcmp(word, names[2]);
}

static void do_command(struct grub *g)
{
	static const char *const kernels[] = { "linux", "linux16", "linuxefi" };
	static const char *const initrds[] = { "initrd", "initrd16", "initrdefi" };
	const unsigned int i = skip_keywords(g);

	if (i == g->nwords)
		return;
	if (g->current && is_one_of(g->words[i], kernels)) {
		g->current->entry.invalid |= g->too_long;
		read_kernel(g, i + 1);
	} else if (g->current && is_one_of(g->words[i], initrds)) {
		g->current->entry.invalid |= g->too_long;
		read_initrds(g, i + 1);
	} else if (!g->current && !g->too_long) {
		assign_variable(g, g->words[i]);
	}
}

/* ------------------------------------------------------------------ blocks */

/* "--id ID", whose option is a variable in generated files. */
static void read_id(const struct grub *g, struct menu_entry *m)
{
	unsigned int i;

	for (i = 1; i + 1 < g->nwords; i++)
		if (!strcmp(g->words[i], "--id") || !strcmp(g->words[i], "$menuentry_id_option") ||
		    !strcmp(g->words[i], "${menuentry_id_option}"))
			entry_copy(&m->entry, m->id, sizeof(m->id), g->words[i + 1]);
}

static void begin_entry(struct grub *g)
{
	const unsigned int place = g->counts[g->menus]++;
	struct menu_entry *m;

	if (g->n == MAX_ENTRIES)
		return;
	m = &g->entries[g->n++];
	memset(m, 0, sizeof(*m));
	snprintf(m->place, sizeof(m->place), "%.20s%u", g->place[g->menus], place);
	if (g->nwords > 1)
		snprintf(m->entry.title, sizeof(m->entry.title), "%s", g->words[1]);
	read_id(g, m);
	g->current = m;
}

static void begin_menu(struct grub *g)
{
	const unsigned int place = g->counts[g->menus]++;
	char above[sizeof(g->place[0])];

	memcpy(above, g->place[g->menus], sizeof(above));
	g->menus++;
	g->counts[g->menus] = 0;
	snprintf(g->place[g->menus], sizeof(g->place[0]), "%.8s%u>", above, place);
}

/* False: blocks are too deep for a menu. */
static bool begin_block(struct grub *g)
{
	const char *word = g->nwords ? g->words[0] : "";
	enum block block = BLOCK_OTHER;

	if (g->depth == MAX_DEPTH)
		return false;
	if (!g->current && !strcmp(word, "menuentry")) {
		block = BLOCK_ENTRY;
		begin_entry(g);
	} else if (!g->current && !strcmp(word, "submenu")) {
		block = BLOCK_MENU;
		begin_menu(g);
	}
	g->blocks[g->depth++] = block;
	return true;
}

static void end_block(struct grub *g)
{
	if (!g->depth)
		return;
	switch (g->blocks[--g->depth]) {
	case BLOCK_ENTRY:
		g->current = NULL;
		break;
	case BLOCK_MENU:
		g->menus--;
		break;
	case BLOCK_OTHER:
		break;
	}
}

static void read_menu(struct grub *g)
{
	char end;

	do {
		end = next_command(g);
		if (end == '{') {
			if (!begin_block(g))
				return;
			continue;
		}
		do_command(g);
		if (end == '}')
			end_block(g);
	} while (end);
}

/* ----------------------------------------------------------------- default */

static bool is_bootable(const struct menu_entry *m)
{
	return m->entry.linux_path[0] && !m->entry.invalid;
}

/* By its place, or a menu's, or by the name or identifier in the last part of "MENU>ENTRY". */
static bool is_named(const struct menu_entry *m, const char *wanted)
{
	const char *last = strrchr(wanted, '>');
	const size_t len = strlen(wanted);

	last = last ? last + 1 : wanted;
	return !strcmp(m->place, wanted) || !strcmp(m->id, last) || !strcmp(m->entry.title, last) ||
	       (!strncmp(m->place, wanted, len) && m->place[len] == '>');
}

static const struct menu_entry *choose_entry(const struct grub *g)
{
	const char *wanted = entry_get(g->v, "default", 7);
	const struct menu_entry *first = NULL;
	unsigned int i;

	for (i = 0; i < g->n; i++) {
		if (!is_bootable(&g->entries[i]))
			continue;
		if (*wanted && is_named(&g->entries[i], wanted))
			return &g->entries[i];
		if (!first)
			first = &g->entries[i];
	}
	return first;
}

bool entry_read_grub(struct entry *e, const char *text, size_t len, struct entry_variables *v)
{
	struct grub *g = calloc(1, sizeof(*g));
	const struct menu_entry *m = NULL;

	if (!g)
		return false;
	*g = (struct grub){ .at = text, .end = text + len, .v = v };
	g->entries = calloc(MAX_ENTRIES, sizeof(*g->entries));
	if (g->entries) {
		read_menu(g);
		m = choose_entry(g);
	}
	if (m)
		*e = m->entry;
	free(g->entries);
	free(g);
	return m;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * grub.cfg: executes its commands, and the chosen menu entry. Loops and functions are skipped.
 * A menu's commands and entries are executed once each, so that the time is bounded by the texts.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grub.h"

#define MAX_ENTRIES 128
#define MAX_MENUS 32
#define MAX_DEPTH 32		/* blocks in each other */
#define MAX_NESTED 8		/* menus in each other */
#define MAX_FILES 8		/* that are read */
#define MAX_CALLS 4		/* files that read each other */

enum block { BLOCK_BRACES, BLOCK_MENU, BLOCK_ENTRY, BLOCK_IF, BLOCK_LOOP };

struct frame {
	enum block kind;
	bool outer;		/* the commands around it are executed */
	bool runs;		/* those in it are */
	bool taken;		/* of BLOCK_IF: a branch was, or is */
};

struct menu_entry {
	char place[32];		/* as GRUB counts: "1>0" */
	char title[ENTRY_TITLE];
	char id[ENTRY_TITLE];
	const char *body, *body_end; /* NULL: it has no end */
};

/* A submenu, whose name selects its first entry. */
struct submenu {
	char place[24];		/* "1>" */
	char title[ENTRY_TITLE];
	char id[ENTRY_TITLE];
};

struct grub {
	struct grub_words w;
	struct entry_variables *v;
	struct entry_menu *menu;
	struct menu_entry entries[MAX_ENTRIES];
	struct submenu menus[MAX_MENUS];
	unsigned int n, nmenus;
	struct frame frames[MAX_DEPTH];
	unsigned int depth, base; /* open blocks, and those of the texts that read this one */
	unsigned int counts[MAX_NESTED + 1]; /* entries so far in each open menu */
	unsigned int nested;	/* open menus: 0 is the whole file */
	char place[MAX_NESTED + 1][24]; /* of each: "1>" */
	struct entry *entry;	/* whose body is executed, or NULL */
	bool status;		/* of the last command */
	bool inverts;		/* the next one's is inverted */
	bool stops;		/* blocks are too deep for a menu */
	bool cut;		/* there were too many entries */
	char *texts[MAX_FILES];	/* bodies refer to them */
	unsigned int ntexts, calls;
};

static void report_line(struct grub *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void report_line(struct grub *g, const char *fmt, ...)
{
	const size_t used = strlen(g->menu->report);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(g->menu->report + used, sizeof(g->menu->report) - used, fmt, ap);
	va_end(ap);
}

static bool is_running(const struct grub *g)
{
	return !g->depth || g->frames[g->depth - 1].runs;
}

/* --------------------------------------------------------------- commands */

static void assign_variable(struct grub *g, const char *word)
{
	const char *equals = strchr(word, '=');

	if (equals)
		entry_set(g->v, word, (size_t)(equals - word), equals + 1);
}

/* A later kernel of an entry replaces an earlier one. */
static void load_kernel(struct grub *g)
{
	struct entry *e = g->entry;
	unsigned int i;

	e->linux_path[0] = e->options[0] = '\0';
	e->ninitrds = 0;
	if (g->w.n > 1)
		entry_copy(e, "path of its kernel", e->linux_path, sizeof(e->linux_path), grub_skip_device(g->w.words[1]));
	for (i = 2; i < g->w.n; i++)
		entry_append_word(e, g->w.words[i]);
}

static void load_initrds(struct grub *g)
{
	unsigned int i;

	g->entry->ninitrds = 0;
	for (i = 1; i < g->w.n; i++)
		entry_add_initrd(g->entry, grub_skip_device(g->w.words[i]));
}

static void run_text(struct grub *g, const char *text, size_t len);

static void run_file(struct grub *g, const char *path)
{
	const struct entry_files *files = g->menu->files;
	char *text;
	size_t len;

	g->status = false;
	if (!files || !files->exists(files->opaque, grub_skip_device(path)))
		return;
	if (g->ntexts == MAX_FILES || g->calls == MAX_CALLS) {
		report_line(g, "grub.cfg reads more than %d files: %.100s is ignored\n", MAX_FILES, path);
		return;
	}
	text = files->read(files->opaque, grub_skip_device(path), &len);
	if (!text)
		return;
	g->texts[g->ntexts++] = text;
	g->calls++;
	run_text(g, text, len);
	g->calls--;
	g->status = true;
}

static void run_test(struct grub *g, unsigned int n)
{
	bool unknown = g->w.too_long || !n;

	g->status = !unknown && grub_test(g->w.words + 1, n - 1, g->menu->files, &unknown);
	if (unknown)
		report_line(g, "a condition of grub.cfg is not understood and counts as false: %.60s %.60s\n",
		       n > 1 ? g->w.words[1] : "", n > 2 ? g->w.words[2] : "");
}

/* Commands that succeed without an effect here. Others fail. */
static bool is_harmless(const char *name)
{
	static const char *const names[] = {
		"true", "set", "export", "unset", "insmod", "search", "search.fs_uuid", "search.fs_label",
		"search.file", "load_env", "save_env", "loadfont", "echo", "terminal_input", "terminal_output", NULL,
	};
	const char *const *at = names;

	while (*at && strcmp(name, *at) != 0)
		at++;
	return *at;
}

static bool is_assignment(const char *word)
{
	const char *name, *after;

	return entry_read_name(word, word + strlen(word), &name, &after) && *after == '=' && *word != '{';
}

static void run_other(struct grub *g, const char *name)
{
	g->status = is_harmless(name);
	if (!strcmp(name, "blscfg"))
		g->menu->has_bls = true;
	else if (!strcmp(name, "set") && g->w.n > 1)
		assign_variable(g, g->w.words[1]);
	else if (!strcmp(name, "unset") && g->w.n > 1)
		entry_set(g->v, g->w.words[1], strlen(g->w.words[1]), "");
	else if ((!strcmp(name, "source") || !strcmp(name, ".") || !strcmp(name, "configfile")) && g->w.n > 1)
		run_file(g, g->w.words[1]);
}

static void run_command(struct grub *g)
{
	const char *name = g->w.words[0];
	const unsigned int n = g->w.n;

	if (g->entry && (grub_loads_kernel(name) || grub_loads_initrd(name))) {
		if (g->w.too_long)
			entry_reject(g->entry, "one of its commands exceeds %d words or %d bytes", GRUB_MAX_WORDS, GRUB_MAX_COMMAND);
		if (grub_loads_kernel(name))
			load_kernel(g);
		else
			load_initrds(g);
	} else if (!strcmp(name, "[")) {
		run_test(g, strcmp(g->w.words[n - 1], "]") != 0 ? 0 : n - 1);
	} else if (!strcmp(name, "test")) {
		run_test(g, n);
	} else if (g->w.too_long) {
		report_line(g, "the command '%.60s' of grub.cfg exceeds %d bytes and is ignored\n", name, GRUB_MAX_COMMAND);
	} else if (is_assignment(name)) {
		assign_variable(g, name);
		g->status = true;
	} else {
		run_other(g, name);
	}
	g->status ^= g->inverts;
	g->inverts = false;
}

/* ------------------------------------------------------------------ blocks */

static void push_block(struct grub *g, enum block kind, bool body_runs)
{
	if (g->depth == MAX_DEPTH) {
		report_line(g, "grub.cfg has more than %d blocks in each other; the rest is ignored\n", MAX_DEPTH);
		g->stops = true;
		return;
	}
	g->frames[g->depth] = (struct frame){ kind, is_running(g), body_runs, false };
	g->depth++;
}

static void begin_branch(struct frame *f, bool condition)
{
	f->runs = f->outer && !f->taken && condition;
	f->taken |= f->runs;
}

static void do_keyword(struct grub *g, const char *word)
{
	struct frame *f = g->depth > g->base ? &g->frames[g->depth - 1] : NULL;
	const bool in_if = f && f->kind == BLOCK_IF;

	if (!strcmp(word, "!"))
		g->inverts = !g->inverts;
	else if (!strcmp(word, "if"))
		push_block(g, BLOCK_IF, is_running(g));
	else if (!strcmp(word, "for") || !strcmp(word, "while") || !strcmp(word, "until"))
		push_block(g, BLOCK_LOOP, false);
	else if ((in_if && !strcmp(word, "fi")) || (f && f->kind == BLOCK_LOOP && !strcmp(word, "done")))
		g->depth--;
	else if (in_if && !strcmp(word, "then"))
		begin_branch(f, g->status);
	else if (in_if && !strcmp(word, "else"))
		begin_branch(f, true);
	else if (in_if && !strcmp(word, "elif"))
		f->runs = f->outer && !f->taken;
}

/* "--id ID", whose option is a variable in generated files. */
static void read_names(const struct grub *g, char title[ENTRY_TITLE], char id[ENTRY_TITLE])
{
	unsigned int i;

	snprintf(title, ENTRY_TITLE, "%s", g->w.n > 1 ? g->w.words[1] : "");
	id[0] = '\0';
	for (i = 1; i + 1 < g->w.n; i++)
		if (!strcmp(g->w.words[i], "--id"))
			snprintf(id, ENTRY_TITLE, "%s", g->w.words[i + 1]);
}

/* False: it is not kept. */
static bool begin_entry(struct grub *g)
{
	const unsigned int place = g->counts[g->nested]++;
	struct menu_entry *m = &g->entries[g->n];
	char menu[sizeof(g->place[0])];

	if (g->n == MAX_ENTRIES) {
		if (!g->cut)
			report_line(g, "grub.cfg has more than %d menu entries; the others are ignored\n", MAX_ENTRIES);
		g->cut = true;
		return false;
	}
	memset(m, 0, sizeof(*m));
	memcpy(menu, g->place[g->nested], sizeof(menu));
	snprintf(m->place, sizeof(m->place), "%.20s%u", menu, place);
	read_names(g, m->title, m->id);
	m->body = g->w.at;
	g->n++;
	return true;
}

static void begin_menu(struct grub *g)
{
	const unsigned int place = g->counts[g->nested]++;
	char above[sizeof(g->place[0])];
	struct submenu *m = &g->menus[g->nmenus];

	memcpy(above, g->place[g->nested], sizeof(above));
	g->nested++;
	g->counts[g->nested] = 0;
	snprintf(g->place[g->nested], sizeof(g->place[0]), "%.12s%u>", above, place);
	if (g->nmenus == MAX_MENUS)
		return;
	memcpy(m->place, g->place[g->nested], sizeof(m->place));
	read_names(g, m->title, m->id);
	g->nmenus++;
}

static void begin_block(struct grub *g)
{
	const char *word = g->w.n && is_running(g) && !g->entry ? g->w.words[0] : "";

	if (!strcmp(word, "menuentry")) {
		push_block(g, begin_entry(g) ? BLOCK_ENTRY : BLOCK_BRACES, false);
	} else if (!strcmp(word, "submenu") && g->nested < MAX_NESTED) {
		begin_menu(g);
		push_block(g, BLOCK_MENU, true);
	} else {
		push_block(g, BLOCK_BRACES, false);
	}
}

/* Conditions without an end are closed with their block. */
static void end_block(struct grub *g)
{
	while (g->depth > g->base && g->frames[g->depth - 1].kind >= BLOCK_IF)
		g->depth--;
	if (g->depth == g->base)
		return;
	g->depth--;
	if (g->frames[g->depth].kind == BLOCK_ENTRY)
		g->entries[g->n - 1].body_end = g->w.at - 1;
	else if (g->frames[g->depth].kind == BLOCK_MENU)
		g->nested--;
}

static void run_text(struct grub *g, const char *text, size_t len)
{
	const char *const at = g->w.at, *const end = g->w.end;
	const unsigned int base = g->base, depth = g->depth, nested = g->nested;
	char c;

	g->base = depth;
	g->w.at = text;
	g->w.end = text + len;
	do {
		g->w.v = is_running(g) ? g->v : NULL;
		g->w.entry = g->entry;
		c = grub_next_command(&g->w);
		if (c == '{') {
			begin_block(g);
			continue;
		}
		if (c == ' ')
			do_keyword(g, g->w.words[0]);
		else if (g->w.n && is_running(g))
			run_command(g);
		if (c == '}')
			end_block(g);
	} while (c && !g->stops);
	g->w.at = at;
	g->w.end = end;
	g->base = base;
	g->depth = depth;
	g->nested = nested;
}

/* ----------------------------------------------------------------- default */

/* An entry of a submenu that is named as a whole. */
static bool is_in(const struct grub *g, const struct menu_entry *m, const char *name)
{
	unsigned int i;

	for (i = 0; i < g->nmenus; i++)
		if ((!strcmp(g->menus[i].title, name) || !strcmp(g->menus[i].id, name)) &&
		    !strncmp(m->place, g->menus[i].place, strlen(g->menus[i].place)))
			return true;
	return false;
}

/* An entry is found by its place, or a menu's, or by the name or identifier in the last part of "MENU>ENTRY". */
static bool is_named(const struct grub *g, const struct menu_entry *m, const char *wanted)
{
	const char *last = strrchr(wanted, '>');
	const size_t len = strlen(wanted);

	last = last && last[1] ? last + 1 : wanted;
	return !strcmp(m->place, wanted) || !strcmp(m->id, last) || !strcmp(m->title, last) ||
	       (!strncmp(m->place, wanted, len) && m->place[len] == '>') || is_in(g, m, last);
}

/* Executes an entry. False: it has no kernel, or cannot be booted. */
static bool run_entry(struct grub *g, const struct menu_entry *m, struct entry *e)
{
	memset(e, 0, sizeof(*e));
	snprintf(e->title, sizeof(e->title), "%s", m->title);
	g->entry = e;
	g->stops = false;
	if (m->body_end)
		run_text(g, m->body, (size_t)(m->body_end - m->body));
	g->entry = NULL;
	if (!e->linux_path[0])
		entry_reject(e, "it has no kernel");
	if (e->invalid && (e->linux_path[0] || !g->menu->has_bls))
		report_line(g, "the menu entry '%.80s' is ignored: %s\n", m->title, e->why);
	return !e->invalid;
}

static bool choose_entry(struct grub *g, struct entry *e)
{
	const char *value = entry_get(g->v, "default", 7);
	char wanted[ENTRY_TITLE];
	bool named = false, any = false;
	unsigned int pass, i;

	snprintf(wanted, sizeof(wanted), "%.*s", ENTRY_TITLE - 1, value);
	for (pass = 0; pass < 2; pass++)
		for (i = 0; i < g->n; i++) {
			named = *wanted && is_named(g, &g->entries[i], wanted);
			any |= named;
			if (named == !pass && run_entry(g, &g->entries[i], e)) {
				if (*wanted && !any && !g->menu->has_bls)
					report_line(g, "grub.cfg has no entry '%.80s', which is its default\n", wanted);
				return true;
			}
		}
	return false;
}

static void preset_variable(struct entry_variables *v, const char *name, const char *value)
{
	if (!*entry_get(v, name, strlen(name)))
		entry_set(v, name, strlen(name), value);
}

/* initrdfail: Ubuntu's entries start a kernel without its initrd first, and count that in grubenv. */
static void preset_all(struct entry_variables *v)
{
	preset_variable(v, "menuentry_id_option", "--id");
	preset_variable(v, "initrdfail", "1");
}

bool entry_read_grub(struct entry *e, const char *text, size_t len, struct entry_variables *v,
		     struct entry_menu *menu)
{
	struct grub *g = calloc(1, sizeof(*g));
	bool found;

	menu->has_bls = false;
	menu->report[0] = '\0';
	if (!g)
		return false;
	g->v = v;
	g->menu = menu;
	preset_all(v);
	run_text(g, text, len);
	found = choose_entry(g, e);
	while (g->ntexts)
		free(g->texts[--g->ntexts]);
	free(g);
	return found;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Merges two command lines by the table of options. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/options.h"
#include "cli/saved_words.h"
#include "cli/spellings.h"

/* An option or operand, in the order of the command line. */
struct entry {
	const struct vsu_option *row;
	const char *value;
};

struct entries {
	struct entry *list;
	unsigned int n;
};

enum change {
	CHANGE_NEVER,
	CHANGE_VALUE,	/* in place of the saved one, or added */
	CHANGE_STREAM,	/* likewise; a clone does not have the saved one */
	CHANGE_START,	/* never saved: it describes one start */
	CHANGE_DEVICE,	/* in place of the saved device of the same rank */
};

static const struct {
	const char *name;
	enum change change;
} changes[] = {
	{ "from", CHANGE_START }, { "clone", CHANGE_START },
	{ "incoming", CHANGE_START }, { "prefetch", CHANGE_START },
	{ "changed-disks", CHANGE_START },
	{ "control", CHANGE_STREAM }, { "serial", CHANGE_STREAM },
	{ "socket-mode", CHANGE_VALUE }, { "socket-group", CHANGE_VALUE },
	{ "daemon-path", CHANGE_VALUE }, { "sandbox", CHANGE_VALUE },
	{ "user", CHANGE_VALUE }, { "jail", CHANGE_VALUE },
	{ "on-memory-error", CHANGE_VALUE }, { "log-level", CHANGE_VALUE },
	{ "dirty-ring", CHANGE_VALUE }, { "latency", CHANGE_VALUE },
	{ "verbose", CHANGE_VALUE }, { "dry-run", CHANGE_START },
	{ "json", CHANGE_START }, { "help", CHANGE_START },
	{ "disk", CHANGE_DEVICE }, { "net", CHANGE_DEVICE },
	{ "rng", CHANGE_DEVICE }, { "fs", CHANGE_DEVICE },
	{ "console", CHANGE_DEVICE }, { "balloon", CHANGE_DEVICE },
	{ "pmem", CHANGE_DEVICE }, { "mem", CHANGE_DEVICE },
	{ "vsock", CHANGE_DEVICE }, { "device", CHANGE_DEVICE },
};

static enum change change_of(const struct entry *e)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strcmp(changes[i].name, e->row->name))
			return changes[i].change;
	return CHANGE_NEVER;
}

static int on_option(void *opaque, unsigned int index,
		     const struct vsu_option_value *value, struct vsu_error *err)
{
	struct entries *to = opaque;

	(void)err;
	to->list[to->n++] = (struct entry){ &vmm_run_options[index],
					    value->text };
	return 0;
}

static int parse_words(int argc, char *const *argv, struct entries *to,
		 struct vsu_error *err)
{
	int rc;

	to->n = 0;
	to->list = calloc((size_t)argc + 1, sizeof(*to->list));
	if (!to->list)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = vsu_option_parse_argv(vmm_run_options, argc, argv, on_option,
				   to, NULL, err);
	if (rc == -ENOENT)
		vmm_spellings_explain(vmm_run_options, argc, argv, err);
	return rc;
}

/* The operand DISK is a --disk. */
static bool is_same_option(const struct entry *a, const struct entry *b)
{
	return !strcasecmp(a->row->name, b->row->name);
}

/* Number of options before the end that are the same option as e. */
static unsigned int rank_of(const struct entries *in, unsigned int end,
			    const struct entry *e)
{
	unsigned int i, n = 0;

	for (i = 0; i < end; i++)
		n += is_same_option(&in->list[i], e);
	return n;
}

static struct entry *find_entry(const struct entries *in, const struct entry *e,
			  unsigned int rank)
{
	unsigned int i;

	for (i = 0; i < in->n; i++)
		if (is_same_option(&in->list[i], e) && !rank--)
			return &in->list[i];
	return NULL;
}

/* --------------------------------------------------------------------- merging */

static int replace_device(struct entries *saved, const struct entries *given,
			  unsigned int i, struct vsu_error *err)
{
	const struct entry *e = &given->list[i];
	struct entry *old = find_entry(saved, e, rank_of(given, i, e));

	if (!old)
		return vsu_error_set(err, -EINVAL, "'--%s=%s' replaces a device, but the saved machine has %u with this option",
				     e->row->name, e->value,
				     rank_of(saved, saved->n, e));
	if (strcmp(e->value, "saved") != 0)
		*old = *e;
	return 0;
}

static void drop_entries(struct entries *saved, bool clone)
{
	enum change change;
	unsigned int i, n = 0;

	for (i = 0; i < saved->n; i++) {
		change = change_of(&saved->list[i]);
		if (change != CHANGE_START && !(clone && change == CHANGE_STREAM))
			saved->list[n++] = saved->list[i];
	}
	saved->n = n;
}

static int check_entries(const struct entries *given, struct vsu_error *err)
{
	const struct entry *e = given->list;
	unsigned int i;

	for (i = 0; i < given->n; i++, e++)
		if (change_of(e) == CHANGE_NEVER)
			return vsu_error_set(err, -EINVAL, "'%s%s' cannot change a saved machine",
					     e->row->kind == VSU_OPTION_OPERAND ? "" : "--",
					     e->row->kind == VSU_OPTION_OPERAND ? e->value : e->row->name);
	return 0;
}

/* saved has room for all that are given. */
static int apply_changes(struct entries *saved, const struct entries *given,
		 struct vsu_error *err)
{
	const struct entry *e = given->list;
	struct entry *old;
	unsigned int i;
	int rc = check_entries(given, err);

	for (i = 0; !rc && i < given->n; i++, e++) {
		if (change_of(e) == CHANGE_DEVICE) {
			rc = replace_device(saved, given, i, err);
			continue;
		}
		old = find_entry(saved, e, 0);
		if (old)
			*old = *e;
		else
			saved->list[saved->n++] = *e;
	}
	return rc;
}

static bool has_clone(const struct entries *given)
{
	unsigned int i;

	for (i = 0; i < given->n; i++)
		if (!strcmp(given->list[i].row->name, "clone"))
			return true;
	return false;
}

/* ----------------------------------------------------------------------- words */

/* Writes the word at *at, which has room, and moves *at behind it. */
static char *write_word(const struct entry *e, char **at)
{
	char *word = *at;

	switch (e->row->kind) {
	case VSU_OPTION_OPERAND:
		*at = stpcpy(word, e->value) + 1;
		break;
	case VSU_OPTION_FLAG:
		*at = stpcpy(stpcpy(word, "--"), e->row->name) + 1;
		break;
	default:
		*at = stpcpy(stpcpy(stpcpy(stpcpy(word, "--"), e->row->name), "="),
			     e->value) + 1;
	}
	return word;
}

static size_t word_size(const struct entry *e)
{
	return strlen(e->row->name) + (e->value ? strlen(e->value) : 0) + 4;
}

static int write_words(const struct entries *from, char *command,
		       struct vmm_words *out, struct vsu_error *err)
{
	size_t size = 1;
	unsigned int i;
	char *at;

	for (i = 0; i < from->n; i++)
		size += word_size(&from->list[i]);
	out->words = calloc(from->n + 2, sizeof(*out->words));
	out->text = at = malloc(size);
	if (!out->words || !at)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	out->words[0] = command;
	for (i = 0; i < from->n; i++)
		out->words[i + 1] = write_word(&from->list[i], &at);
	out->n = (int)from->n + 1;
	return 0;
}

static int merge_entries(struct vmm_words *out, struct entries *saved,
		 const struct entries *given, char *command,
		 struct vsu_error *err)
{
	struct entry *more = realloc(saved->list, (saved->n + given->n + 1) * sizeof(*more));
	int rc;

	if (!more)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	saved->list = more;
	drop_entries(saved, has_clone(given));
	rc = apply_changes(saved, given, err);
	return rc ? rc : write_words(saved, command, out, err);
}

int vmm_saved_words_merge(struct vmm_words *out, const struct vmm_words *saved,
			  int argc, char *const *argv, struct vsu_error *err)
{
	struct entries old = { NULL, 0 }, new = { NULL, 0 };
	int rc = parse_words(argc, argv, &new, err);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = parse_words(saved->n, saved->words, &old, err);
	if (!rc)
		rc = merge_entries(out, &old, &new, argv[0], err);
	free(old.list);
	free(new.list);
	return rc;
}

int vmm_saved_words_check(int argc, char *const *argv, struct vsu_error *err)
{
	struct entries new = { NULL, 0 };
	int rc = parse_words(argc, argv, &new, err);

	if (!rc)
		rc = check_entries(&new, err);
	free(new.list);
	return rc;
}

void vmm_words_free(struct vmm_words *words)
{
	free(words->words);
	free(words->text);
	memset(words, 0, sizeof(*words));
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Merges two command lines by the table of options. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/options.h"
#include "cli/saved_words.h"
#include "config/spellings.h"
#include "log.h"
#include "memory/piece_lists.h"

/* An option or operand, in the order of the command line. */
struct entry {
	const struct vsu_option *row;
	const char *value;
	char *own;		/* value, if it was allocated; else NULL */
};

struct entries {
	struct entry *list;
	unsigned int n;
};

enum change {
	CHANGE_NEVER,
	CHANGE_VALUE,	/* in place of the former one, or added */
	CHANGE_OWN,	/* likewise; the former one does not count, unless it is the row's value */
	CHANGE_START,	/* never in a former command line: it describes one start */
	CHANGE_DEVICE,	/* in place of the former device of the same rank */
};

#define ROW(option, ...) { .name = (option), .change = __VA_ARGS__ }
#define CLONE (1u << VMM_WORDS_CLONE)
#define STREAM (1u << VMM_WORDS_STREAM)

static const struct change_row {
	const char *name;
	enum change change;
	unsigned int without;	/* origins whose option does not count */
	const char *value;
} changes[] = {
	ROW("from", CHANGE_START), ROW("clone", CHANGE_START),
	ROW("incoming", CHANGE_START), ROW("prefetch", CHANGE_START),
	ROW("changed-disks", CHANGE_START), ROW("power-off-timeout", CHANGE_VALUE),
	ROW("control", CHANGE_VALUE, .without = CLONE | STREAM),
	ROW("serial", CHANGE_VALUE, .without = CLONE),
	ROW("socket-mode", CHANGE_VALUE, .without = STREAM),
	ROW("socket-group", CHANGE_VALUE, .without = STREAM),
	/* a file or a peer neither opens the sandbox nor chooses programs */
	ROW("daemon-path", CHANGE_OWN), ROW("sandbox", CHANGE_OWN, .value = "on"),
	ROW("user", CHANGE_VALUE, .without = STREAM), ROW("jail", CHANGE_VALUE, .without = STREAM),
	ROW("on-memory-error", CHANGE_VALUE), ROW("log-level", CHANGE_VALUE),
	ROW("dirty-ring", CHANGE_VALUE), ROW("latency", CHANGE_VALUE),
	ROW("verbose", CHANGE_VALUE), ROW("dry-run", CHANGE_START),
	ROW("json", CHANGE_START), ROW("help", CHANGE_START),
	ROW("disk", CHANGE_DEVICE), ROW("net", CHANGE_DEVICE),
	ROW("rng", CHANGE_DEVICE), ROW("fs", CHANGE_DEVICE),
	ROW("console", CHANGE_DEVICE), ROW("balloon", CHANGE_DEVICE),
	ROW("pmem", CHANGE_DEVICE), ROW("mem", CHANGE_DEVICE),
	ROW("vsock", CHANGE_DEVICE), ROW("device", CHANGE_DEVICE),
};

static const struct change_row *row_of(const struct entry *e)
{
	static const struct change_row other = ROW(NULL, CHANGE_NEVER);
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (!strcmp(changes[i].name, e->row->name))
			return &changes[i];
	return &other;
}

static enum change change_of(const struct entry *e)
{
	return row_of(e)->change;
}

static int on_option(void *opaque, unsigned int index,
		     const struct vsu_option_value *value, struct vsu_error *err)
{
	struct entries *to = opaque;

	(void)err;
	to->list[to->n++] = (struct entry){ .row = &vmm_run_options[index],
					    .value = value->text };
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

/* Whether an option of the former command line counts. */
static bool option_counts(const struct entry *e, enum vmm_words_origin origin)
{
	const struct change_row *row = row_of(e);

	if (row->change == CHANGE_START || row->without & 1u << origin)
		return false;
	return row->change != CHANGE_OWN || (row->value && !strcmp(row->value, e->value));
}

static void report_dropped(const struct entry *e, const struct entries *given)
{
	if (change_of(e) == CHANGE_OWN && !find_entry(given, e, 0))
		prog_log(PROG_LOG_WARNING, "ignored option", "'--%s=%s' of the machine's former command line is ignored; add it to this one if you want it",
			 e->row->name, e->value);
}

static void drop_entries(struct entries *saved, const struct entries *given,
			 enum vmm_words_origin origin)
{
	unsigned int i, n = 0;

	for (i = 0; i < saved->n; i++) {
		if (option_counts(&saved->list[i], origin))
			saved->list[n++] = saved->list[i];
		else
			report_dropped(&saved->list[i], given);
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

static void free_entries(struct entries *saved)
{
	unsigned int i;

	for (i = 0; i < saved->n; i++)
		free(saved->list[i].own);
	free(saved->list);
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

/* Its memory is not in the files of the saved machine, which may use them meanwhile. */
static int change_memory(struct entries *saved, struct vsu_error *err)
{
	struct entry *e = saved->list;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < saved->n; i++, e++) {
		if (strcmp(e->row->name, "memory") != 0)
			continue;
		rc = vmm_piece_list_clone(e->value, &e->own, err);
		if (e->own)
			e->value = e->own;
	}
	return rc < 0 ? vsu_error_prefix(err, rc, "option --clone") : 0;
}

static int merge_entries(struct vmm_words *out, struct entries *saved,
		 const struct entries *given, enum vmm_words_origin origin, char *command,
		 struct vsu_error *err)
{
	struct entry *more = realloc(saved->list, (saved->n + given->n + 1) * sizeof(*more));
	int rc;

	if (!more)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	saved->list = more;
	drop_entries(saved, given, has_clone(given) ? VMM_WORDS_CLONE : origin);
	rc = has_clone(given) ? change_memory(saved, err) : 0;
	if (!rc)
		rc = apply_changes(saved, given, err);
	return rc ? rc : write_words(saved, command, out, err);
}

int vmm_saved_words_merge(struct vmm_words *out, const struct vmm_words *saved,
			  enum vmm_words_origin origin, int argc, char *const *argv, struct vsu_error *err)
{
	struct entries old = { NULL, 0 }, new = { NULL, 0 };
	int rc = parse_words(argc, argv, &new, err);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = parse_words(saved->n, saved->words, &old, err);
	if (!rc)
		rc = merge_entries(out, &old, &new, origin, argv[0], err);
	free_entries(&old);
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

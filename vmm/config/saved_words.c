/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Merges two command lines by the table of options. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/option_rows.h"
#include "config/saved_words.h"
#include "config/spellings.h"
#include "memory/piece_lists.h"

/* An option or operand, in the order of the command line. */
struct entry {
	const struct vmm_option_row *row;
	const char *value;
	char *own;		/* value, if it was allocated; else NULL */
};

struct entries {
	struct entry *list;
	unsigned int n;
};

static const char *name_of(const struct entry *e)
{
	return e->row->option.name;
}

static int on_option(void *opaque, unsigned int index,
		     const struct vsu_option_value *value, struct vsu_error *err)
{
	struct entries *to = opaque;

	(void)err;
	to->list[to->n++] = (struct entry){ .row = &vmm_option_rows[index],
					    .value = value->text };
	return 0;
}

static int parse_words(int argc, char *const *argv, struct entries *to,
		 struct vsu_error *err)
{
	struct vsu_option table[VMM_OPTION_ROWS];
	int rc;

	vmm_option_table(table);
	to->n = 0;
	to->list = calloc((size_t)argc + 1, sizeof(*to->list));
	if (!to->list)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = vsu_option_parse_argv(table, argc, argv, on_option, to, NULL, err);
	if (rc == -ENOENT)
		vmm_spellings_explain(table, argc, argv, err);
	return rc;
}

/* The operand DISK is a --disk. */
static bool is_same_option(const struct entry *a, const struct entry *b)
{
	return !strcasecmp(name_of(a), name_of(b));
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
				     name_of(e), e->value,
				     rank_of(saved, saved->n, e));
	if (strcmp(e->value, "saved") != 0)
		*old = *e;
	return 0;
}

/* Whether an option of the former command line counts. */
static bool option_counts(const struct entry *e, enum vmm_words_origin origin)
{
	const struct vmm_option_row *row = e->row;

	if (row->change == VMM_CHANGE_START || row->without & 1u << origin)
		return false;
	return row->change != VMM_CHANGE_OWN ||
	       (row->kept_value && !strcmp(row->kept_value, e->value));
}

/* The value's text is in the saved words. */
static void note_ignored(struct vmm_words *out, const struct entry *e, const struct entries *given)
{
	if (e->row->change == VMM_CHANGE_OWN && !find_entry(given, e, 0) &&
	    out->nignored < VMM_WORDS_IGNORED)
		out->ignored[out->nignored++] = (struct vmm_word){ name_of(e), e->value };
}

static void drop_entries(struct entries *saved, const struct entries *given,
			 enum vmm_words_origin origin, struct vmm_words *out)
{
	unsigned int i, n = 0;

	for (i = 0; i < saved->n; i++) {
		if (option_counts(&saved->list[i], origin))
			saved->list[n++] = saved->list[i];
		else
			note_ignored(out, &saved->list[i], given);
	}
	saved->n = n;
}

static bool is_operand(const struct entry *e)
{
	return e->row->option.kind == VSU_OPTION_OPERAND;
}

static int check_entries(const struct entries *given, struct vsu_error *err)
{
	const struct entry *e = given->list;
	unsigned int i;

	for (i = 0; i < given->n; i++, e++)
		if (e->row->change == VMM_CHANGE_NEVER)
			return vsu_error_set(err, -EINVAL, "'%s%s' cannot change a saved machine",
					     is_operand(e) ? "" : "--", is_operand(e) ? e->value : name_of(e));
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
		if (e->row->change == VMM_CHANGE_DEVICE) {
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
		if (!strcmp(name_of(&given->list[i]), "clone"))
			return true;
	return false;
}

/* ----------------------------------------------------------------------- words */

/* Writes the word at *at, which has room, and moves *at behind it. */
static char *write_word(const struct entry *e, char **at)
{
	char *word = *at;

	switch (e->row->option.kind) {
	case VSU_OPTION_OPERAND:
		*at = stpcpy(word, e->value) + 1;
		break;
	case VSU_OPTION_FLAG:
		*at = stpcpy(stpcpy(word, "--"), name_of(e)) + 1;
		break;
	default:
		*at = stpcpy(stpcpy(stpcpy(stpcpy(word, "--"), name_of(e)), "="),
			     e->value) + 1;
	}
	return word;
}

static size_t word_size(const struct entry *e)
{
	return strlen(name_of(e)) + (e->value ? strlen(e->value) : 0) + 4;
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
		if (strcmp(name_of(e), "memory") != 0)
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
	drop_entries(saved, given, has_clone(given) ? VMM_WORDS_CLONE : origin, out);
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

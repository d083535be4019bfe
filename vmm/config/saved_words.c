/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Merges two command lines by the table of options. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/descriptors.h"
#include "config/option_rows.h"
#include "config/saved_words.h"
#include "memory/pieces.h"

/* Values in place of saved ones. */
struct new_values {
	char **text;
	unsigned int n;
};

/* The operand DISK is a --disk. */
static bool is_same_option(const struct vmm_argument *a, const struct vmm_argument *b)
{
	return !strcasecmp(vmm_argument_name(a), vmm_argument_name(b));
}

/* Number of options before the end that are the same option as e. */
static unsigned int rank_of(const struct vmm_arguments *in, unsigned int end,
			    const struct vmm_argument *e)
{
	unsigned int i, n = 0;

	for (i = 0; i < end; i++)
		n += is_same_option(&in->list[i], e);
	return n;
}

static struct vmm_argument *find_entry(const struct vmm_arguments *in,
				       const struct vmm_argument *e, unsigned int rank)
{
	unsigned int i;

	for (i = 0; i < in->n; i++)
		if (is_same_option(&in->list[i], e) && !rank--)
			return &in->list[i];
	return NULL;
}

/* --------------------------------------------------------------------- merging */

static int replace_device(struct vmm_arguments *saved, const struct vmm_arguments *given,
			  unsigned int i, struct vsu_error *err)
{
	const struct vmm_argument *e = &given->list[i];
	struct vmm_argument *old = find_entry(saved, e, rank_of(given, i, e));

	if (!old)
		return vsu_error_set(err, -EINVAL, "'--%s=%s' replaces a device, but the saved machine has %u with this option",
				     vmm_argument_name(e), e->value.text,
				     rank_of(saved, saved->n, e));
	if (strcmp(e->value.text, "saved") != 0)
		*old = *e;
	return 0;
}

/* Whether an option of the former command line counts. */
static bool option_counts(const struct vmm_argument *e, enum vmm_words_origin origin)
{
	const struct vmm_option_row *row = e->row;

	if (row->change == VMM_CHANGE_START || row->without & 1u << origin)
		return false;
	return row->change != VMM_CHANGE_OWN ||
	       (row->kept_value && !strcmp(row->kept_value, e->value.text));
}

/* The value's text is in the saved words. */
static void note_ignored(struct vmm_ignored *out, const struct vmm_argument *e, const struct vmm_arguments *given)
{
	if (e->row->change == VMM_CHANGE_OWN && !find_entry(given, e, 0) &&
	    out->n < VMM_WORDS_IGNORED)
		out->list[out->n++] = *e;
}

static void drop_entries(struct vmm_arguments *saved, const struct vmm_arguments *given,
			 enum vmm_words_origin origin, struct vmm_ignored *out)
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

static bool is_operand(const struct vmm_argument *e)
{
	return e->row->option.kind == VSU_OPTION_OPERAND;
}

int vmm_saved_words_check(const struct vmm_arguments *given, struct vsu_error *err)
{
	const struct vmm_argument *e = given->list;
	unsigned int i;

	for (i = 0; i < given->n; i++, e++)
		if (e->row->change == VMM_CHANGE_NEVER)
			return vsu_error_set(err, -EINVAL, "'%s%s' cannot change a saved machine",
					     is_operand(e) ? "" : "--", is_operand(e) ? e->value.text : vmm_argument_name(e));
	return 0;
}

/* saved has room for all that are given. */
static int apply_changes(struct vmm_arguments *saved, const struct vmm_arguments *given,
		 struct vsu_error *err)
{
	const struct vmm_argument *e = given->list;
	struct vmm_argument *old;
	unsigned int i;
	int rc = vmm_saved_words_check(given, err);

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

static bool has_clone(const struct vmm_arguments *given)
{
	unsigned int i;

	for (i = 0; i < given->n; i++)
		if (!strcmp(vmm_argument_name(&given->list[i]), "clone"))
			return true;
	return false;
}

/* The value that the machine has in place of the saved one; *text is NULL if that remains. */
static int renew_value(const struct vmm_argument *e, bool clone, char **text, struct vsu_error *err)
{
	int rc = 0;

	*text = NULL;
	/* a clone's memory is not in the files of the saved machine, which may use them meanwhile */
	if (clone && !strcmp(vmm_argument_name(e), "memory"))
		rc = vmm_piece_list_clone(e->value.text, text, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --clone");
	/* a kernel or file of memory is not needed before the guest starts again, and cannot be given anew */
	return *text || e->row->change != VMM_CHANGE_NEVER || e->row->how ? 0 :
	       vmm_descriptors_forget(e, text, err);
}

static int renew_values(struct vmm_arguments *saved, bool clone, struct new_values *new,
			struct vsu_error *err)
{
	struct vmm_argument *e;
	char *text;
	int rc = 0;

	for (e = saved->list; !rc && e < saved->list + saved->n; e++) {
		rc = renew_value(e, clone, &text, err);
		if (!rc && text)
			e->value.text = new->text[new->n++] = text;
	}
	return rc;
}

/* ----------------------------------------------------------------- descriptors */

static bool is_given(const struct vmm_arguments *given, const struct vmm_argument *e)
{
	unsigned int i;

	for (i = 0; i < given->n; i++)
		if (given->list[i].value.text == e->value.text)
			return true;
	return false;
}

/* Options that the continued machine needs at once, and can be given. */
static int refuse_descriptors(const struct vmm_arguments *merged, const struct vmm_arguments *given,
			      struct vsu_error *err)
{
	const struct vmm_argument *e = merged->list;
	unsigned int i;
	int rc;

	for (i = 0; i < merged->n; i++, e++) {
		rc = is_given(given, e) ? 0 : vmm_descriptors_named(e, err);
		if (rc < 0)
			return rc;
		if (rc > 0)
			return vsu_error_set(err, -EINVAL, "'--%s=%s' names a descriptor of the machine's former process; give this option again",
					     is_operand(e) ? "disk" : vmm_argument_name(e), e->value.text);
	}
	return 0;
}

/* work is saved, with room for all that are given. */
static int merge_arguments(struct vmm_arguments *work, const struct vmm_arguments *given,
			   enum vmm_words_origin origin, struct vmm_ignored *ignored,
			   struct new_values *new, struct vsu_error *err)
{
	const bool clone = has_clone(given);
	int rc;

	drop_entries(work, given, clone ? VMM_WORDS_CLONE : origin, ignored);
	rc = renew_values(work, clone, new, err);
	if (!rc)
		rc = apply_changes(work, given, err);
	return rc ? rc : refuse_descriptors(work, given, err);
}

int vmm_saved_words_merge(struct vmm_arguments *out, struct vmm_ignored *ignored,
			  const struct vmm_arguments *saved, enum vmm_words_origin origin,
			  const struct vmm_arguments *given, struct vsu_error *err)
{
	struct vmm_arguments work = {
		.list = calloc(saved->n + given->n + 1, sizeof(*work.list)), .n = saved->n,
	};
	struct new_values new = { .text = calloc((size_t)saved->n + 1, sizeof(*new.text)) };
	int rc = 0;

	ignored->n = 0;
	if (!work.list || !new.text)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (!rc) {
		memcpy(work.list, saved->list, saved->n * sizeof(*work.list));
		rc = merge_arguments(&work, given, origin, ignored, &new, err);
	}
	if (!rc)
		rc = vmm_arguments_copy(out, &work, err);
	while (new.n)
		free(new.text[--new.n]);
	free(new.text);
	vmm_arguments_free(&work);
	return rc;
}

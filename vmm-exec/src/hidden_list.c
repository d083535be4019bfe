/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rules of hidden names of one shared folder, in the form of its device. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/text.h>

#include "hidden.h"
#include "hidden_rows.h"

static void put_escaped(FILE *f, const char *text, size_t len)
{
	for (; len; len--, text++) {
		if (strchr("\\:!*?[", *text))
			fputc('\\', f);
		fputc(*text, f);
	}
}

/*
 * Its backslashes remain in front of what they escape. Without another one, a first '!' would make
 * an exception of the rule, and a colon end it; after a last backslash the rule would not end.
 */
static void put_pattern(FILE *f, const char *pattern, bool begins)
{
	if (begins && *pattern == '!')
		fputc('\\', f);
	for (; *pattern; pattern++) {
		if (*pattern == ':' || (*pattern == '\\' && !pattern[1]))
			fputc('\\', f);
		else if (*pattern == '\\')
			fputc(*pattern++, f);
		fputc(*pattern, f);
	}
}

/* The list of one shared folder. */
struct list {
	FILE *f;
	const struct cvmm_priv_hidden *h;
	const struct cvmm_priv_hidden_share *share;
};

/* A path of the host, in or below the shared folder. */
static void put_path(const struct list *l, const char *path)
{
	const char *rest = cvmm_priv_hidden_path_below(l->share->folder, path);

	put_escaped(l->f, rest, strlen(rest));
}

static void put_hidden(const struct list *l, const char *folder, const char *pattern)
{
	const bool is_top = !*cvmm_priv_hidden_path_below(l->share->folder, folder);

	fputc(':', l->f);
	put_path(l, folder);
	if (!is_top)
		fputc('/', l->f);
	put_pattern(l->f, pattern, is_top);
}

/* Nothing in a folder that another device shares is an exception. end: "/", of names only. */
static void put_shown(const struct list *l, const char *path, const char *end)
{
	const char *rest;
	unsigned int i;

	for (i = 0; i < l->share->nsealed; i++) {
		rest = cvmm_priv_hidden_path_below(l->share->sealed[i], path);
		if (rest && *rest)
			return;
	}
	fputs(":!", l->f);
	put_path(l, path);
	fputs(end, l->f);
}

static bool is_shown_by(const struct cvmm_priv_hidden_row *r, const char *used)
{
	const char *rest = cvmm_priv_hidden_path_below(r->folder, used);
	char name[NAME_MAX + 1];

	if (!rest || r->kind == CVMM_PRIV_HIDDEN_SYSTEM)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "/"), rest);
	return *rest && cvmm_priv_hidden_row_has(r, name);
}

static bool is_used(const struct cvmm_priv_hidden *h, const char *folder)
{
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if (cvmm_priv_hidden_path_below(h->used[i], folder))
			return true;
	return false;
}

/* Each folder on the way to one that the command uses has that name only. */
static void put_way(const struct list *l, const struct cvmm_priv_hidden_row *r, const char *used)
{
	const char *at = cvmm_priv_hidden_path_below(r->folder, used);
	char folder[PATH_MAX];
	size_t len;

	while (*at) {
		len = (size_t)(at - used) + strcspn(at, "/");
		snprintf(folder, sizeof(folder), "%.*s", (int)len, used);
		put_shown(l, folder, "");
		at = used + len + (used[len] == '/');
		if (*at && !is_used(l->h, folder))
			put_hidden(l, folder, "*");
	}
}

/* The user's own folder is not hidden from a command that works in it. */
static bool row_applies(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *r)
{
	const bool is_own = r->kind == CVMM_PRIV_HIDDEN_OWN || r->kind == CVMM_PRIV_HIDDEN_TEMPORARY || r->kind == CVMM_PRIV_HIDDEN_DATA;
	unsigned int i;

	for (i = 0; is_own && i < h->nused; i++)
		if (!strcmp(h->used[i], r->folder))
			return false;
	return true;
}

/* The way to another used folder, of which this one is a part, shows it. */
static bool is_on_way(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *r, unsigned int used)
{
	const char *path = h->used[used];
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if (i != used && is_shown_by(r, h->used[i]) && cvmm_priv_hidden_path_below(h->used[i], path) &&
		    (i < used || strcmp(h->used[i], path) != 0))
			return true;
	return false;
}

/* The names of a row that are not hidden. Private files in them are. */
static void put_exceptions(const struct list *l, const struct cvmm_priv_hidden_row *r)
{
	char path[PATH_MAX];
	const char *at;
	int len;

	for (at = r->except; at && *at; at += len + (at[len] == ' ')) {
		len = (int)strcspn(at, " ");
		snprintf(path, sizeof(path), "%s/%.*s", r->folder, len, at);
		put_shown(l, path, "/");
	}
}

static void put_row(const struct list *l, const struct cvmm_priv_hidden_row *r)
{
	const struct cvmm_priv_hidden *h = l->h;
	unsigned int i;

	if (!cvmm_priv_hidden_path_below(l->share->folder, r->folder) || !row_applies(h, r))
		return;
	put_hidden(l, r->folder, r->pattern);
	put_exceptions(l, r);
	for (i = 0; i < h->nused; i++)
		if (is_shown_by(r, h->used[i]) && !is_on_way(h, r, i))
			put_way(l, r, h->used[i]);
}

/* A folder in this one that has a device of its own: only the place where the guest mounts it. */
static void put_sealed(const struct list *l)
{
	unsigned int i;

	for (i = 0; i < l->share->nsealed; i++) {
		put_hidden(l, l->share->sealed[i], "*");
		put_hidden(l, l->share->sealed[i], ".");
	}
}

/* Another folder that the command uses has this one. */
static bool is_inner(const struct cvmm_priv_hidden *h, unsigned int used)
{
	const char *path = h->used[used];
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if (i != used && cvmm_priv_hidden_path_below(h->used[i], path) && (i < used || strcmp(h->used[i], path) != 0))
			return true;
	return false;
}

/*
 * Private files of folders that the command uses are not hidden. A machine of a pool has the rules of
 * its folders, and the working folder in one of them has none of its own.
 */
static void put_used(const struct list *l)
{
	const char *rest;
	unsigned int i;

	for (i = 0; l->h && l->share->hides_private && i < l->h->nused; i++) {
		rest = cvmm_priv_hidden_path_below(l->share->folder, l->h->used[i]);
		if (rest && *rest && !is_inner(l->h, i))
			put_shown(l, l->h->used[i], "");
	}
}

/* Up to the colon of the next one. */
static size_t rule_len(const char *rule, const char *end)
{
	const char *at = rule;

	while (at < end && *at != ':')
		at += *at == '\\' && at + 1 < end ? 2 : 1;
	return (size_t)(at - rule);
}

static bool has_rule(const char *list, const char *end, const char *rule, size_t len)
{
	size_t n;

	for (; list < end; list += n + 1) {
		n = rule_len(list + 1, end);
		if (n == len && !memcmp(list + 1, rule, len))
			return true;
	}
	return false;
}

/* Ways to several folders share their begin, and the option of a device has a maximum length. */
static void remove_repeated(char *list)
{
	const char *end = list + strlen(list), *at;
	char *to = list;
	size_t n;

	for (at = list; at < end; at += n + 1) {
		n = rule_len(at + 1, end);
		if (has_rule(list, to, at + 1, n))
			continue;
		memmove(to, at, n + 1);
		to += n + 1;
	}
	*to = '\0';
}

int cvmm_priv_hidden_list(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_share *share, char **list,
		    struct vsu_error *err)
{
	struct vsu_text text;
	const bool is_open = vsu_text_open(&text) == 0;
	const struct list l = { text.to, h, share };
	unsigned int i;

	if (is_open) {
		for (i = 0; h && i < h->nrows; i++)
			put_row(&l, &h->rows[i]);
		put_sealed(&l);
		put_used(&l);
	}
	if (!is_open || vsu_text_close(&text) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for hidden files");
	remove_repeated(text.bytes);
	*list = text.len ? strdup(text.bytes + 1) : NULL;	/* without the first colon */
	free(text.bytes);
	return text.len && !*list ? vsu_error_set(err, -ENOMEM, "no memory for hidden files") : 0;
}

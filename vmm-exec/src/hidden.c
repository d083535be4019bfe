/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hidden files of the host: the rows of one machine, and the exceptions of its user. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "hidden.h"
#include "hidden_rows.h"

/* ------------------------------------------------------------------ options */

static int hide_path(struct cvmm_priv_hidden *h, const char *path, struct vsu_error *err)
{
	char folder[PATH_MAX], pattern[2 * NAME_MAX + 1];	/* each byte may be escaped */
	const char *last;
	int rc = cvmm_priv_hidden_path_split(path, folder, &last);

	if (rc < 0)
		return cvmm_priv_advise(err, vsu_error_sys(err, rc, "hide: '%s'", path), CVMM_EXEC_ADVICE_MEMBER);
	if (!*last || !strcmp(last, ".") || !strcmp(last, ".."))
		return cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "hide: '%s' does not end in a name", path), CVMM_EXEC_ADVICE_MEMBER);
	if (strlen(last) >= sizeof(pattern))
		return cvmm_priv_advise(err, vsu_error_set(err, -ENAMETOOLONG, "hide: '%s' ends in a pattern of %zu characters, longer than any name", path, strlen(last)),
				  CVMM_EXEC_ADVICE_MEMBER);
	strcpy(pattern, last);
	rc = cvmm_priv_hidden_add(h, &(struct cvmm_priv_hidden_row){ folder, pattern, NULL, CVMM_PRIV_HIDDEN_GIVEN });
	if (!rc)
		rc = cvmm_priv_hidden_add_targets(h, h->nrows - 1);
	return rc < 0 ? vsu_error_set(err, rc, "no memory for hidden files") : 0;
}

static void remove_row(struct cvmm_priv_hidden *h, unsigned int i)
{
	free(h->rows[i].folder);
	free(h->rows[i].pattern);
	h->rows[i] = h->rows[--h->nrows];
}

static int use_folder(struct cvmm_priv_hidden *h, const char *path)
{
	char **used = realloc(h->used, (h->nused + 1) * sizeof(*used));

	if (!used)
		return -ENOMEM;
	h->used = used;
	used[h->nused] = strdup(path);
	return used[h->nused++] ? 0 : -ENOMEM;
}

/* Removes the rows below a path, and shows the way to it. */
static int show_path(struct cvmm_priv_hidden *h, const char *path, struct vsu_error *err)
{
	char shown[PATH_MAX];
	unsigned int i = 0;

	if (!realpath(path, shown))
		return cvmm_priv_advise(err, vsu_error_sys(err, -errno, "show: '%s'", path), CVMM_EXEC_ADVICE_MEMBER);
	while (i < h->nrows) {
		const struct cvmm_priv_hidden_row *r = &h->rows[i];

		if (r->kind == CVMM_PRIV_HIDDEN_SYSTEM && cvmm_priv_hidden_path_below(r->folder, shown))
			return cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "show: '%s' belongs to this host's kernel or services; the guest has its own %s",
							     path, r->folder), CVMM_EXEC_ADVICE_MEMBER);
		if (r->kind != CVMM_PRIV_HIDDEN_SYSTEM && cvmm_priv_hidden_path_below(shown, r->folder))
			remove_row(h, i);
		else
			i++;
	}
	h->nshown++;
	return use_folder(h, shown) < 0 ? vsu_error_set(err, -ENOMEM, "no memory for hidden files") : 0;
}

/* ----------------------------------------------------------------- creation */

static int fill_rows(struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_config *c)
{
	unsigned int i;
	int rc;

	h->is_writable = c->is_writable;
	rc = cvmm_priv_hidden_add_table(h);
	if (!rc)
		rc = cvmm_priv_hidden_add_home(h, c->home);
	for (i = 0; !rc && i < c->nused; i++) {
		rc = use_folder(h, c->used[i]);
		if (!rc)
			rc = cvmm_priv_hidden_add_other_home(h, c->used[i]);
	}
	return rc ? rc : cvmm_priv_hidden_add_targets(h, 0);
}

int cvmm_priv_hidden_new(struct cvmm_priv_hidden **out, const struct cvmm_priv_hidden_config *c,
		   struct vsu_error *err)
{
	struct cvmm_priv_hidden *h = calloc(1, sizeof(*h));
	unsigned int i;
	int rc = h ? fill_rows(h, c) : -ENOMEM;

	if (rc < 0)
		vsu_error_sys(err, rc, "cannot list hidden files");
	for (i = 0; !rc && i < c->nshow; i++)
		rc = show_path(h, c->show[i], err);
	for (i = 0; !rc && i < c->nhide; i++)
		rc = hide_path(h, c->hide[i], err);
	if (rc < 0)
		cvmm_priv_hidden_free(h);
	else
		*out = h;
	return rc;
}

void cvmm_priv_hidden_free(struct cvmm_priv_hidden *h)
{
	if (!h)
		return;
	while (h->nrows)
		remove_row(h, h->nrows - 1);
	while (h->nused)
		free(h->used[--h->nused]);
	free(h->rows);
	free(h->used);
	free(h);
}

/* -------------------------------------------------------------------- check */

bool cvmm_priv_hidden_is_secret(const struct cvmm_priv_hidden *h, const char *folder)
{
	const struct cvmm_priv_hidden_row *r;
	char name[NAME_MAX + 1];
	const char *rest;

	for (r = h->rows; r < h->rows + h->nrows; r++) {
		rest = cvmm_priv_hidden_path_below(r->folder, folder);
		if (!rest || !*rest || (r->kind != CVMM_PRIV_HIDDEN_SECRET && r->kind != CVMM_PRIV_HIDDEN_SYSTEM && r->kind != CVMM_PRIV_HIDDEN_DOTS))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "/"), rest);
		if (cvmm_priv_hidden_row_has(r, name))
			return true;
	}
	return false;
}

/* Whether a shared folder has the path, or, on request, is a part of it. */
static bool is_shared(const char *path, bool parts, const char *const *shared, unsigned int nshared)
{
	unsigned int i;

	for (i = 0; i < nshared; i++)
		if (cvmm_priv_hidden_path_below(shared[i], path) || (parts && cvmm_priv_hidden_path_below(path, shared[i])))
			return true;
	return false;
}

/* The command uses the path that is to be hidden. */
static bool is_used_name(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *r)
{
	const char *name;
	unsigned int i;

	for (i = 0; i < h->nused; i++) {
		name = cvmm_priv_hidden_path_below(r->folder, h->used[i]);
		if (name && !strcmp(name, r->pattern))
			return true;
	}
	return false;
}

int cvmm_priv_hidden_check(const struct cvmm_priv_hidden *h, const char *const *shared, unsigned int nshared,
		     struct vsu_error *err)
{
	const struct cvmm_priv_hidden_row *r;
	unsigned int i;

	for (r = h->rows; r < h->rows + h->nrows; r++) {
		if (r->kind != CVMM_PRIV_HIDDEN_GIVEN)
			continue;
		if (!is_shared(r->folder, false, shared, nshared))
			return cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "hide: '%s' in '%s' is a path of this host that is not shared; leave it out, or name one in a shared folder",
							     r->pattern, r->folder), CVMM_EXEC_ADVICE_MEMBER);
		if (is_used_name(h, r))
			return cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "hide: '%s' in '%s' is a folder of the command, which is shared, shown or its current one; it is not hidden",
							     r->pattern, r->folder), CVMM_EXEC_ADVICE_MEMBER);
	}
	for (i = h->nused - h->nshown; i < h->nused; i++)
		if (!is_shared(h->used[i], true, shared, nshared))
			return cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "show: '%s' is not shared; share its folder", h->used[i]),
					  CVMM_EXEC_ADVICE_MEMBER);
	return 0;
}

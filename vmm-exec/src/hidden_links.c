/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Targets of hidden symbolic links, such as /var/lib/mysql -> /data/mysql: the guest would find them
 * by their own path.
 */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hidden_rows.h"

#define MAX_CHAIN 40		/* as the kernel follows */

/* Every command needs the ones with programs; the guest has the others of its own. */
static const char *const kept_folders[] = {
	"/proc", "/sys", "/dev", "/run", "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store",
};

static bool is_kept(const char *path)
{
	unsigned int i;

	for (i = 0; i < sizeof(kept_folders) / sizeof(kept_folders[0]); i++)
		if (cvmm_priv_hidden_path_below(kept_folders[i], path) || cvmm_priv_hidden_path_below(path, kept_folders[i]))
			return true;
	return false;
}

/* A folder of the command has the target, but not the link. */
static bool is_used(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *r, const char *target)
{
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if (cvmm_priv_hidden_path_below(h->used[i], target) && !cvmm_priv_hidden_path_below(h->used[i], r->folder))
			return true;
	return false;
}

/* A row hides everything in the folder, or in one above it, also from this command. */
static bool is_hidden(const struct cvmm_priv_hidden *h, const char *folder)
{
	const struct cvmm_priv_hidden_row *r;
	unsigned int i;

	for (r = h->rows; r < h->rows + h->nrows; r++) {
		bool is_way = strcmp(r->pattern, "*") != 0 || r->except || !cvmm_priv_hidden_path_below(r->folder, folder);

		for (i = 0; !is_way && i < h->nused; i++)
			is_way = cvmm_priv_hidden_path_below(r->folder, h->used[i]);
		if (!is_way)
			return true;
	}
	return false;
}

/* Escapes a name, which is a pattern then. */
static void make_pattern(char out[2 * NAME_MAX + 1], const char *name)
{
	for (; *name; name++) {
		if (strchr("\\*?[", *name))
			*out++ = '\\';
		*out++ = *name;
	}
	*out = '\0';
}

/* The folder and the last name of a path that may end in dots. */
static int split_target(const char *path, char folder[PATH_MAX], char name[NAME_MAX + 1])
{
	char whole[PATH_MAX];
	const char *last;
	int rc = cvmm_priv_hidden_path_split(path, folder, &last);

	if (!rc && (!*last || !strcmp(last, ".") || !strcmp(last, ".."))) {
		if (!realpath(path, whole))
			return -errno;
		rc = cvmm_priv_hidden_path_split(whole, folder, &last);
	}
	if (!rc && (!*last || strlen(last) > NAME_MAX))
		rc = -ENOENT;
	if (!rc)
		strcpy(name, last);
	return rc;
}

/* One step to the target of a link. -EINVAL: no link. */
static int read_step(const char *folder, const char *name, char out[PATH_MAX])
{
	char link[PATH_MAX + NAME_MAX + 2], text[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "%s/%s", folder, name);
	n = readlink(link, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	n = *text == '/' ? snprintf(out, PATH_MAX, "%s", text) : snprintf(out, PATH_MAX, "%s/%s", folder, text);
	return n < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* A user's --hide applies whatever it points at. */
static bool hides_target(const struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *r, const char *folder, const char *name)
{
	char path[PATH_MAX + NAME_MAX + 2];

	snprintf(path, sizeof(path), "%s/%s", strcmp(folder, "/") ? folder : "", name);
	return r->kind == CVMM_PRIV_HIDDEN_GIVEN ||
	       (!is_kept(path) && !is_used(h, r, path) && !is_hidden(h, folder));
}

/* Adds a row for each step of a chain. The row moves if the table grows. */
static int add_chain(struct cvmm_priv_hidden *h, unsigned int row, const char *first)
{
	char folder[PATH_MAX], path[PATH_MAX], name[NAME_MAX + 1], pattern[2 * NAME_MAX + 1];
	enum cvmm_priv_hidden_kind kind;
	unsigned int i;
	int rc = 0;

	snprintf(folder, sizeof(folder), "%s", h->rows[row].folder);
	snprintf(name, sizeof(name), "%s", first);
	for (i = 0; !rc && i < MAX_CHAIN; i++) {
		if (read_step(folder, name, path) < 0 || split_target(path, folder, name) < 0)
			return 0;
		if (!hides_target(h, &h->rows[row], folder, name))
			continue;
		make_pattern(pattern, name);
		kind = h->rows[row].kind == CVMM_PRIV_HIDDEN_GIVEN ? CVMM_PRIV_HIDDEN_SECRET : h->rows[row].kind;
		rc = cvmm_priv_hidden_add(h, &(struct cvmm_priv_hidden_row){ folder, pattern, NULL, kind });
	}
	return rc;
}

/* The links in the folder of a row that its pattern hides. */
static int add_row_targets(struct cvmm_priv_hidden *h, unsigned int row)
{
	DIR *d = opendir(h->rows[row].folder);
	const struct dirent *e;
	int rc = 0;

	while (!rc && d && (e = readdir(d)))
		if ((e->d_type == DT_LNK || e->d_type == DT_UNKNOWN) && cvmm_priv_hidden_row_has(&h->rows[row], e->d_name))
			rc = add_chain(h, row, e->d_name);
	if (d)
		closedir(d);
	return rc;
}

int cvmm_priv_hidden_add_targets(struct cvmm_priv_hidden *h, unsigned int first)
{
	const unsigned int n = h->nrows;
	unsigned int i;
	int rc = 0;

	for (i = first; !rc && i < n; i++)
		/* other users make links in folders for temporary files */
		if (h->rows[i].kind != CVMM_PRIV_HIDDEN_SYSTEM && h->rows[i].kind != CVMM_PRIV_HIDDEN_TEMPORARY)
			rc = add_row_targets(h, i);
	return rc;
}

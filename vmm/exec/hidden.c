/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hidden files of the host. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/hidden.h"

enum kind {
	SECRET,
	SYSTEM,			/* the guest has its own; cannot be shown */
	HOMES,
	OWN,			/* a folder of the user: shown if the command uses it */
	TEMPORARY,		/* likewise */
	GIVEN,			/* by hide, which has an effect */
};

static const struct {
	const char *path;
	enum kind kind;
} table[] = {
	{ "/proc/*", SYSTEM }, { "/sys/*", SYSTEM }, { "/dev/*", SYSTEM }, { "/run/*", SYSTEM },
	{ "/home/*", HOMES }, { "/root", SECRET },
	{ "/tmp/*", TEMPORARY }, { "/var/tmp/*", TEMPORARY },
	{ "/media/*", OWN }, { "/mnt/*", OWN }, { "/srv/*", OWN },
	{ "/etc/shadow*", SECRET }, { "/etc/gshadow*", SECRET }, { "/etc/sudoers*", SECRET },
	{ "/etc/security/opasswd*", SECRET }, { "/etc/ssh/ssh_host_*_key", SECRET },
	{ "/etc/ssl/private", SECRET }, { "/etc/letsencrypt", SECRET },
	{ "/etc/krb5.keytab", SECRET }, { "/etc/ipsec.secrets", SECRET },
	{ "/etc/ppp/*-secrets", SECRET }, { "/etc/wireguard", SECRET },
	{ "/etc/NetworkManager/system-connections", SECRET },
	{ "/var/backups", SECRET }, { "/var/mail", SECRET }, { "/var/spool", SECRET },
	{ "/var/lib/NetworkManager", SECRET }, { "/var/lib/sss", SECRET },
	{ "/var/lib/containers", SECRET }, { "/var/lib/docker", SECRET },
	{ "/var/lib/libvirt", SECRET }, { "/var/lib/machines", SECRET },
	{ "/var/lib/mysql", SECRET }, { "/var/lib/postgresql", SECRET },
};

/* File systems of the host's kernel, wherever they are mounted. */
static const char *const system_types[] = {
	"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs",
	"securityfs", "bpf", "configfs", "efivarfs", "pstore", "mqueue", "fusectl", "nsfs", NULL,
};

struct row {
	char *folder;		/* without links */
	char *pattern;
	enum kind kind;
};

struct vmm_hidden {
	struct row *rows;
	unsigned int nrows;
	char **used;
	unsigned int nused, nshown; /* the last ones are those of show */
};

/* -------------------------------------------------------------------- paths */

/* The part of a path that follows a folder, or NULL: the path is not in the folder. */
static const char *path_below(const char *folder, const char *path)
{
	const size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	if (strncmp(path, folder, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len + (path[len] == '/');
}

/* Without links, as far as it exists: the last name may be a pattern. */
static int split_path(const char *path, char folder[PATH_MAX], const char **last)
{
	const char *slash = strrchr(path, '/');
	char *above = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int rc = !above ? -ENOMEM : realpath(above, folder) ? 0 : -errno;

	free(above);
	*last = slash ? slash + 1 : path;
	return rc;
}

/* ---------------------------------------------------------------- the table */

/* Of which everything is hidden. */
static bool is_in_system(const struct vmm_hidden *h, const char *folder)
{
	unsigned int i;

	for (i = 0; i < h->nrows; i++)
		if (h->rows[i].kind == SYSTEM && path_below(h->rows[i].folder, folder))
			return true;
	return false;
}

static int add_row(struct vmm_hidden *h, const char *folder, const char *pattern, enum kind kind)
{
	struct row *rows;

	if (is_in_system(h, folder))
		return 0;
	rows = realloc(h->rows, (h->nrows + 1) * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	h->rows = rows;
	rows[h->nrows++] = (struct row){ strdup(folder), strdup(pattern), kind };
	return rows[h->nrows - 1].folder && rows[h->nrows - 1].pattern ? 0 : -ENOMEM;
}

/* A path whose folder does not exist has nothing to hide. */
static int add_path(struct vmm_hidden *h, const char *path, enum kind kind)
{
	char folder[PATH_MAX];
	const char *last;
	int rc = split_path(path, folder, &last);

	if (rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES)
		return 0;
	return rc < 0 ? rc : add_row(h, folder, last, kind);
}

static int add_table(struct vmm_hidden *h, bool keeps_temporary)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].kind != TEMPORARY || !keeps_temporary)
			rc = add_path(h, table[i].path, table[i].kind);
	return rc;
}

static bool is_system(const char *type)
{
	const char *const *t = system_types;

	while (*t && strcmp(*t, type) != 0)
		t++;
	return *t;
}

static int add_mounts(struct vmm_hidden *h)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	int rc = 0;

	while (!rc && f && (m = getmntent(f)))
		if (is_system(m->mnt_type))
			rc = add_row(h, m->mnt_dir, "*", SYSTEM);
	if (f)
		endmntent(f);
	return rc;
}

/* Names that begin with a dot are those of settings, keys and histories. */
static int add_home(struct vmm_hidden *h, const char *home)
{
	char folder[PATH_MAX];
	int rc;

	if (!home || *home != '/' || !realpath(home, folder) || !strcmp(folder, "/"))
		return 0;
	rc = add_row(h, folder, "*", OWN);
	return rc < 0 ? rc : add_row(h, folder, ".*", SECRET);
}

/* Homes of others, in which the command may be. */
static int add_other_home(struct vmm_hidden *h, const char *used)
{
	const char *rest = path_below("/home", used);
	char home[PATH_MAX];

	if (!rest || !*rest)
		return 0;
	snprintf(home, sizeof(home), "/home/%.*s", (int)strcspn(rest, "/"), rest);
	return add_row(h, home, ".*", SECRET);
}

/* ------------------------------------------------------------------ options */

static int hide_path(struct vmm_hidden *h, const char *path, struct vsu_error *err)
{
	char folder[PATH_MAX];
	const char *last;
	int rc = split_path(path, folder, &last);

	if (rc < 0)
		return vsu_error_sys(err, rc, "option --hide: '%s'", path);
	if (!*last || !strcmp(last, ".") || !strcmp(last, ".."))
		return vsu_error_set(err, -EINVAL, "option --hide: '%s' does not end in a name", path);
	rc = add_row(h, folder, last, GIVEN);
	return rc < 0 ? vsu_error_set(err, rc, "no memory for hidden files") : 0;
}

static void remove_row(struct vmm_hidden *h, unsigned int i)
{
	free(h->rows[i].folder);
	free(h->rows[i].pattern);
	h->rows[i] = h->rows[--h->nrows];
}

static int use_folder(struct vmm_hidden *h, const char *path)
{
	char **used = realloc(h->used, (h->nused + 1) * sizeof(*used));

	if (!used)
		return -ENOMEM;
	h->used = used;
	used[h->nused] = strdup(path);
	return used[h->nused++] ? 0 : -ENOMEM;
}

/* Removes the rows below a path, and shows the way to it. */
static int show_path(struct vmm_hidden *h, const char *path, struct vsu_error *err)
{
	char shown[PATH_MAX];
	unsigned int i = 0;

	if (!realpath(path, shown))
		return vsu_error_sys(err, -errno, "option --show: '%s'", path);
	while (i < h->nrows) {
		const struct row *r = &h->rows[i];

		if (r->kind == SYSTEM && path_below(r->folder, shown))
			return vsu_error_set(err, -EINVAL, "option --show: '%s' belongs to this host's kernel or services; the guest has its own %s",
					     path, r->folder);
		if (r->kind != SYSTEM && path_below(shown, r->folder))
			remove_row(h, i);
		else
			i++;
	}
	h->nshown++;
	return use_folder(h, shown) < 0 ? vsu_error_set(err, -ENOMEM, "no memory for hidden files") : 0;
}

/* ----------------------------------------------------------------- creation */

static int fill_rows(struct vmm_hidden *h, const struct vmm_hidden_config *c)
{
	unsigned int i;
	int rc = add_table(h, c->keeps_temporary);

	if (!rc)
		rc = add_mounts(h);
	if (!rc)
		rc = add_home(h, c->home);
	for (i = 0; !rc && i < c->nused; i++) {
		rc = use_folder(h, c->used[i]);
		if (!rc)
			rc = add_other_home(h, c->used[i]);
	}
	return rc;
}

int vmm_hidden_new(struct vmm_hidden **out, const struct vmm_hidden_config *c,
		   struct vsu_error *err)
{
	struct vmm_hidden *h = calloc(1, sizeof(*h));
	unsigned int i;
	int rc = h ? fill_rows(h, c) : -ENOMEM;

	if (rc < 0)
		vsu_error_sys(err, rc, "cannot list hidden files");
	for (i = 0; !rc && i < c->nshow; i++)
		rc = show_path(h, c->show[i], err);
	for (i = 0; !rc && i < c->nhide; i++)
		rc = hide_path(h, c->hide[i], err);
	if (rc < 0)
		vmm_hidden_free(h);
	else
		*out = h;
	return rc;
}

void vmm_hidden_free(struct vmm_hidden *h)
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

/* Whether a shared folder has the path, or, on request, is a part of it. */
static bool is_shared(const char *path, bool parts, const char *const *shared, unsigned int nshared)
{
	unsigned int i;

	for (i = 0; i < nshared; i++)
		if (path_below(shared[i], path) || (parts && path_below(path, shared[i])))
			return true;
	return false;
}

/* The command uses the path that is to be hidden. */
static bool is_used_name(const struct vmm_hidden *h, const struct row *r)
{
	const char *name;
	unsigned int i;

	for (i = 0; i < h->nused; i++) {
		name = path_below(r->folder, h->used[i]);
		if (name && !strcmp(name, r->pattern))
			return true;
	}
	return false;
}

int vmm_hidden_check(const struct vmm_hidden *h, const char *const *shared, unsigned int nshared,
		     struct vsu_error *err)
{
	const struct row *r;
	unsigned int i;

	for (r = h->rows; r < h->rows + h->nrows; r++) {
		if (r->kind != GIVEN)
			continue;
		if (!is_shared(r->folder, false, shared, nshared))
			return vsu_error_set(err, -EINVAL, "option --hide: '%s' in '%s' is a path of this host that is not shared; leave it out, or name one in a shared folder",
					     r->pattern, r->folder);
		if (is_used_name(h, r))
			return vsu_error_set(err, -EINVAL, "option --hide: '%s' in '%s' is a folder of the command, by --dir, --show or --chdir, or the current one; it is not hidden",
					     r->pattern, r->folder);
	}
	for (i = h->nused - h->nshown; i < h->nused; i++)
		if (!is_shared(h->used[i], true, shared, nshared))
			return vsu_error_set(err, -EINVAL, "option --show: '%s' is not shared, which --dir would do", h->used[i]);
	return 0;
}

/* --------------------------------------------------------------------- list */

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

/* A path below the shared folder. The pattern is that of a row, or NULL. */
static void put_rule(FILE *f, bool shown, const char *folder, const char *pattern)
{
	fputs(shown ? ":!" : ":", f);
	put_escaped(f, folder, strlen(folder));
	if (pattern && *folder)
		fputc('/', f);
	if (pattern)
		put_pattern(f, pattern, !*folder);
}

static bool is_shown_by(const struct row *r, const char *used)
{
	const char *rest = path_below(r->folder, used);
	char name[NAME_MAX + 1];

	if (!rest || r->kind == SYSTEM)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(rest, "/"), rest);
	return *rest && !fnmatch(r->pattern, name, 0);
}

static bool is_used(const struct vmm_hidden *h, const char *folder)
{
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if (path_below(h->used[i], folder))
			return true;
	return false;
}

/* Each folder on the way to one that the command uses has that name only. */
static void put_way(FILE *f, const struct vmm_hidden *h, const char *shared, const struct row *r,
		    const char *used)
{
	const char *at = path_below(r->folder, used);
	char folder[PATH_MAX];
	size_t len;

	while (*at) {
		len = (size_t)(at - used) + strcspn(at, "/");
		snprintf(folder, sizeof(folder), "%.*s", (int)len, used);
		put_rule(f, true, path_below(shared, folder), NULL);
		at = used + len + (used[len] == '/');
		if (*at && !is_used(h, folder))
			put_rule(f, false, path_below(shared, folder), "*");
	}
}

/* The user's own folder is not hidden from a command that works in it. */
static bool row_applies(const struct vmm_hidden *h, const struct row *r)
{
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if ((r->kind == OWN || r->kind == TEMPORARY) && !strcmp(h->used[i], r->folder))
			return false;
	return true;
}

/* The way to another used folder, of which this one is a part, shows it. */
static bool is_on_way(const struct vmm_hidden *h, const struct row *r, unsigned int used)
{
	const char *path = h->used[used];
	unsigned int i;

	for (i = 0; i < h->nused; i++)
		if (i != used && is_shown_by(r, h->used[i]) && path_below(h->used[i], path) &&
		    (i < used || strcmp(h->used[i], path) != 0))
			return true;
	return false;
}

static void put_row(FILE *f, const struct vmm_hidden *h, const struct row *r, const char *shared)
{
	const char *folder = path_below(shared, r->folder);
	unsigned int i;

	if (!folder || !row_applies(h, r))
		return;
	put_rule(f, false, folder, r->pattern);
	for (i = 0; i < h->nused; i++)
		if (is_shown_by(r, h->used[i]) && !is_on_way(h, r, i))
			put_way(f, h, shared, r, h->used[i]);
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

int vmm_hidden_list(const struct vmm_hidden *h, const char *folder, char **list,
		    struct vsu_error *err)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	unsigned int i;

	for (i = 0; f && h && i < h->nrows; i++)
		put_row(f, h, &h->rows[i], folder);
	if (!f || fclose(f)) {
		free(text);
		return vsu_error_set(err, -ENOMEM, "no memory for hidden files");
	}
	remove_repeated(text);
	*list = len ? strdup(text + 1) : NULL;	/* without the first colon */
	free(text);
	return len && !*list ? vsu_error_set(err, -ENOMEM, "no memory for hidden files") : 0;
}

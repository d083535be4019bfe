/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rules of hidden names. The folders of the rules, and those on the way to them, are found when the
 * device is created. hidden_names.c applies the rules.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include <vmm-sys-util/fd.h>

#include "fs/files/files.h"

/* Ends the rule at the next colon without a backslash, and returns the next rule or NULL. */
static char *end_rule(char *rule)
{
	for (; *rule && *rule != ':'; rule++)
		if (*rule == '\\' && rule[1])
			rule++;
	if (!*rule)
		return NULL;
	*rule = '\0';
	return rule + 1;
}

static void remove_backslashes(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

/* "!PATH/" is an exception of names only. */
static bool end_names_only(char *rule)
{
	const size_t len = strlen(rule);

	if (len < 3 || *rule != '!' || rule[len - 1] != '/')
		return false;
	rule[len - 1] = '\0';
	return true;
}

/* Splits "FOLDER/PATTERN"; the folder is empty for the shared one. */
static int parse_rule(struct fs_hidden *h, char *rule, struct vsu_error *err)
{
	char *slash;

	*h = (struct fs_hidden){ .folder = "", .shown = *rule == '!', .names_only = end_names_only(rule) };
	rule += h->shown;
	slash = strrchr(rule, '/');
	h->pattern = slash ? slash + 1 : rule;
	if (slash) {
		*slash = '\0';
		remove_backslashes(rule);
		h->folder = rule;
	}
	if (*h->pattern && (!slash || *h->folder) && virtdev_priv_fs_path_is_valid(h->folder))
		return 0;
	return vsu_error_set(err, -EINVAL, "fs: hidden name '%s%s%s' is not a path below the shared folder, such as etc/shadow",
			     h->folder, slash ? "/" : "", h->pattern);
}

uint32_t virtdev_priv_fs_count_parts(const char *text, char separator)
{
	uint32_t n = 1;

	for (; *text; text++)
		n += *text == separator;
	return n;
}

/* The folder of that name in another one, which is added if it is new. */
static uint32_t add_folder(struct fs_hidden_rules *rules, uint32_t above, const char *name, uint32_t len)
{
	uint32_t i;

	for (i = 1; i < rules->nfolders; i++)
		if (rules->folders[i].above == above && rules->folders[i].len == len &&
		    !memcmp(rules->folders[i].name, name, len))
			return i;
	rules->folders[i] = (struct fs_hidden_folder){ .above = above, .name = name, .len = len };
	return rules->nfolders++;
}

static void add_folders(struct fs_hidden_rules *rules, struct fs_hidden *h)
{
	const char *at = h->folder;
	uint32_t len;

	while (*at) {
		len = (uint32_t)strcspn(at, "/");
		h->at = add_folder(rules, h->at, at, len);
		at += len + (at[len] == '/');
	}
	rules->folders[h->at].sealed |= !strcmp(h->pattern, ".");
	rules->folders[h->at].fixed |= rules->folders[h->at].sealed;
}

int virtdev_priv_fs_hidden_parse(struct fs_hidden_rules *rules, const char *text,
				 struct vsu_error *err)
{
	char *rule, *next;
	int rc = 0;

	*rules = (struct fs_hidden_rules){ .n = 0 };
	if (!text)
		return 0;
	rules->text = strdup(text);
	rules->rules = calloc(virtdev_priv_fs_count_parts(text, ':'), sizeof(*rules->rules));
	/* each slash ends the name of a folder */
	rules->folders = calloc(virtdev_priv_fs_count_parts(text, '/'), sizeof(*rules->folders));
	if (!rules->text || !rules->rules || !rules->folders)
		return vsu_error_sys(err, -ENOMEM, "fs: hidden names");
	rules->nfolders = 1;
	for (rule = rules->text; rc >= 0 && rule; rule = next) {
		next = end_rule(rule);
		rc = parse_rule(&rules->rules[rules->n], rule, err);
		if (rc >= 0)
			add_folders(rules, &rules->rules[rules->n++]);
	}
	return rc;
}

void virtdev_priv_fs_hidden_free(struct fs_hidden_rules *rules)
{
	free(rules->text);
	free(rules->rules);
	free(rules->folders);
}

/* -------------------------------------------------------------- the folders */

/* One word, so that threads need no lock: a collision of two folders hides too much. */
uint64_t virtdev_priv_fs_hidden_identity(uint64_t dev, uint64_t ino)
{
	const uint64_t mixed = ino * UINT64_C(0x9e3779b97f4a7c15) + dev * UINT64_C(0xc2b2ae3d27d4eb4f);

	return mixed ? mixed : 1;
}

static int folder_path(const struct fs_hidden_rules *rules, uint32_t i, char path[PATH_MAX])
{
	size_t at = PATH_MAX - 1;

	path[at] = 0;
	for (; i; i = rules->folders[i].above) {
		const struct fs_hidden_folder *f = &rules->folders[i];

		if (f->len + 1 > at)
			return -ENAMETOOLONG;
		if (path[at])
			path[--at] = '/';
		at -= f->len;
		memcpy(path + at, f->name, f->len);
	}
	memmove(path, path + at, PATH_MAX - at);
	return 0;
}

/* Whether an inode has the same number after it was evicted from memory. */
static bool keeps_number(int fd)
{
	static const uint32_t types[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC,
	};
	struct statfs st;
	size_t i;

	if (fstatfs(fd, &st) < 0)
		return false;
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == (uint32_t)st.f_type)
			return true;
	return false;
}

/* Opens a path without applying rules, so that folders in hidden folders are found, too. */
static int open_folder(const struct fs *fs, const char *path)
{
	char name[FS_NAME_MAX + 1];
	int fd = vsu_fd_dup(fs->folder), next;
	struct statx st;

	while (fd >= 0 && *path) {
		const size_t len = strcspn(path, "/");
		int rc = len <= FS_NAME_MAX ? virtdev_priv_fs_stat(fd, "", &st) : -ENAMETOOLONG;

		if (rc >= 0) {
			memcpy(name, path, len);
			name[len] = 0;
		}
		next = rc < 0 ? rc : virtdev_priv_fs_open_name(fs, fd, virtdev_priv_fs_dev_of(&st), name);
		vsu_fd_close(&fd);
		fd = next;
		path += len + (path[len] == '/');
	}
	return fd;
}

/* 0: the folder does not exist. */
static int find_folder(const struct fs *fs, const struct fs_hidden_rules *rules, uint32_t i,
		       uint64_t *identity, bool *keeps)
{
	char path[PATH_MAX];
	struct statx st;
	int fd, rc = folder_path(rules, i, path);

	fd = rc < 0 ? rc : open_folder(fs, path);
	rc = fd < 0 ? fd : virtdev_priv_fs_stat(fd, "", &st);
	if (rc >= 0) {
		*identity = virtdev_priv_fs_hidden_identity(virtdev_priv_fs_dev_of(&st), st.stx_ino);
		*keeps = keeps_number(fd);
	}
	vsu_fd_close(&fd);
	return rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES || rc == -ELOOP ? 0 : rc;
}

void virtdev_priv_fs_hidden_refresh(const struct fs *fs)
{
	uint64_t identity;
	uint32_t i;
	bool keeps;

	for (i = 1; i < fs->hidden.nfolders; i++) {
		struct fs_hidden_folder *f = &fs->hidden.folders[i];

		identity = 0;
		if (find_folder(fs, &fs->hidden, i, &identity, &keeps) >= 0 && identity && identity != f->first)
			__atomic_store_n(&f->last, identity, __ATOMIC_RELAXED);
	}
}

int virtdev_priv_fs_hidden_init(struct fs *fs, const char *text, struct vsu_error *err)
{
	struct fs_hidden_rules rules;
	int rc = virtdev_priv_fs_hidden_parse(&rules, text, err);
	struct fs_hidden_folder *f;
	bool keeps = true;
	uint32_t i;

	for (i = 0; rc >= 0 && i < rules.nfolders; i++) {
		f = &rules.folders[i];
		rc = find_folder(fs, &rules, i, &f->first, &keeps);
		f->fixed |= f->first && !keeps;
		if (rc < 0)
			vsu_error_sys(err, rc, "fs: cannot find the folder '%.*s' of a hidden name",
				      (int)f->len, f->len ? f->name : "");
	}
	fs->hidden = rules;
	return rc < 0 ? rc : 0;
}

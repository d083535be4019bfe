/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rules of hidden names. A rule has the identity of its folder, found when the device is created,
 * so that it still applies after the guest has renamed the folder. path.c applies the rules.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* Splits "FOLDER/PATTERN"; the folder is empty for the shared one. */
static int parse_rule(struct fs_hidden *h, char *rule, struct vsu_error *err)
{
	char *slash;

	*h = (struct fs_hidden){ .folder = "", .shown = *rule == '!' };
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

int virtdev_priv_fs_hidden_parse(struct fs_hidden_rules *rules, const char *text,
				 struct vsu_error *err)
{
	char *rule, *next;
	int rc = 0;

	*rules = (struct fs_hidden_rules){ NULL, NULL, 0 };
	if (!text)
		return 0;
	rules->text = strdup(text);
	rules->rules = calloc(virtdev_priv_fs_count_parts(text, ':'), sizeof(*rules->rules));
	if (!rules->text || !rules->rules)
		return vsu_error_sys(err, -ENOMEM, "fs: hidden names");
	for (rule = rules->text; rc >= 0 && rule; rule = next) {
		next = end_rule(rule);
		rc = parse_rule(&rules->rules[rules->n++], rule, err);
	}
	return rc;
}

void virtdev_priv_fs_hidden_free(struct fs_hidden_rules *rules)
{
	free(rules->text);
	free(rules->rules);
}

/* Inode number 0 remains if the folder does not exist. */
static int find_folder(const struct fs *fs, struct fs_hidden *h)
{
	struct statx st;
	int fd = virtdev_priv_fs_path_open(fs, fs->folder, h->folder);
	int rc = fd < 0 ? fd : virtdev_priv_fs_stat(fd, "", &st);

	vsu_fd_close(&fd);
	if (rc >= 0) {
		h->dev = virtdev_priv_fs_dev_of(&st);
		h->ino = st.stx_ino;
	}
	return rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES ? 0 : rc;
}

/* Hidden folders are found, too: rules apply when all are known. */
int virtdev_priv_fs_hidden_init(struct fs *fs, const char *text, struct vsu_error *err)
{
	struct fs_hidden_rules rules;
	int rc = virtdev_priv_fs_hidden_parse(&rules, text, err);
	uint32_t i;

	for (i = 0; rc >= 0 && i < rules.n; i++) {
		rc = find_folder(fs, &rules.rules[i]);
		if (rc < 0)
			vsu_error_sys(err, rc, "fs: cannot find the folder '%s' of a hidden name",
				      rules.rules[i].folder);
	}
	fs->hidden = rules;
	return rc < 0 ? rc : 0;
}

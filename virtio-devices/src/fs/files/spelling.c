/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Other spellings: a file system may find a file by a name that differs from the listed
 * one. Only the file system knows its rules. So a name that could be another spelling of a
 * hidden one is compared with the list of the folder.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fnmatch.h>
#include <linux/magic.h>
#include <string.h>
#include <strings.h>
#include <sys/statfs.h>

#include "fs/files/files.h"

#ifndef EROFS_SUPER_MAGIC_V1
#define EROFS_SUPER_MAGIC_V1 0xe0f5e1e2
#endif

/* ------------------------------------------------------------ file systems */

/*
 * True for file systems that at most fold case and Unicode forms. Others have short names
 * (vfat), names of streams, or a server with rules of its own.
 */
static bool folds_at_most(uint32_t type)
{
	static const uint32_t types[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC,
		RAMFS_MAGIC, OVERLAYFS_SUPER_MAGIC, SQUASHFS_MAGIC, EROFS_SUPER_MAGIC_V1,
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

static int read_spelling(int folder)
{
	struct statfs st;

	return !fstatfs(folder, &st) && folds_at_most((uint32_t)st.f_type) ? FS_SPELLING_FOLDED : FS_SPELLING_ANY;
}

void virtdev_priv_fs_spelling_init(struct fs *fs)
{
	fs->folder_names.spelling = read_spelling(fs->folder);
}

int virtdev_priv_fs_spelling_of(const struct fs *fs, int folder, uint64_t dev)
{
	return dev == fs->folder_dev ? fs->folder_names.spelling : read_spelling(folder);
}

int virtdev_priv_fs_learn_spelling(const struct fs_call *c, struct fs_inode *folder)
{
	int spelling = __atomic_load_n(&folder->spelling, __ATOMIC_RELAXED), rc;

	if (spelling != FS_SPELLING_UNKNOWN || !c->fs->hidden.n)
		return 0;
	virtdev_priv_fs_host_call_begin(c);
	spelling = read_spelling(folder->fd);
	rc = virtdev_priv_fs_host_call_end(c, 0);
	if (rc >= 0)
		__atomic_store_n(&folder->spelling, spelling, __ATOMIC_RELAXED);
	return rc;
}

/* ------------------------------------------------------------------- names */

static bool is_ascii(const char *text, size_t len)
{
	for (; len; len--, text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* A name that has a form of short names (SECRET~1) or streams, or a dot or space at its end. */
static bool is_unusual(const char *name)
{
	const size_t len = strlen(name);

	return !is_ascii(name, len) || name[strcspn(name, "~:\\")] || (len && strchr(". ", name[len - 1]));
}

bool virtdev_priv_fs_may_match(const struct fs_place *in, const char *pattern, const char *name)
{
	return in->spells || is_unusual(name) || !is_ascii(pattern, strlen(pattern)) ||
	       !fnmatch(pattern, name, FNM_CASEFOLD);
}

bool virtdev_priv_fs_may_equal(const struct fs_place *in, const char *other, size_t len, const char *name)
{
	return in->spells || is_unusual(name) || !is_ascii(other, len) ||
	       (strlen(name) == len && !strncasecmp(other, name, len));
}

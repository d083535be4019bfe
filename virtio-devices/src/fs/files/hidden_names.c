/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Applies the rules of hidden names. A rule applies in the folder that had its path when
 * the device was created, wherever that folder is now. It also applies in the folder that
 * the driver finds at the path later. The host may have mounted or created a folder there,
 * or the folder may have another inode number since it was evicted from memory (overlayfs,
 * FUSE, vfat).
 *
 * The driver enters a folder by looking it up, so no descriptor of the folder and no check
 * of the host's mounts is necessary. A folder has a second path only below another mount
 * point, where virtdev_priv_fs_hidden_refresh() finds it. The inode of a found folder keeps
 * its rules, because the driver may hold it while the host replaces the folder again.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/files/files.h"

struct fs_place virtdev_priv_fs_place_of(const struct fs_inode *folder)
{
	return (struct fs_place){ folder->fd, folder->dev, folder->ino, folder->mount,
				  __atomic_load_n(&folder->rules, __ATOMIC_RELAXED),
				  __atomic_load_n(&folder->spelling, __ATOMIC_RELAXED) == FS_SPELLING_ANY };
}

static uint64_t identity_of(const struct fs_place *in)
{
	return virtdev_priv_fs_hidden_identity(in->dev, in->ino);
}

static bool is_at(const struct fs_hidden_folder *f, uint64_t identity)
{
	return f->first == identity || __atomic_load_n(&f->last, __ATOMIC_RELAXED) == identity;
}

/* A folder that was found at the path keeps its rules (in->rules) while the driver holds it. */
static bool is_place(const struct fs_hidden_rules *rules, uint32_t i, const struct fs_place *in,
		     uint64_t identity)
{
	return (i && in->rules == i) || is_at(&rules->folders[i], identity);
}

bool virtdev_priv_fs_is_hidden(const struct fs *fs, const struct fs_place *in, const char *name)
{
	const uint64_t identity = identity_of(in);
	const struct fs_hidden *h = fs->hidden.rules;
	bool hidden = false;
	uint32_t i;

	for (i = 0; i < fs->hidden.n; i++, h++) {
		if (!is_place(&fs->hidden, h->at, in, identity) || fnmatch(h->pattern, name, 0) != 0)
			continue;
		if (h->shown)
			return false;
		hidden = true;
	}
	return hidden;
}

/* -------------------------------------------------------------- the folders */

static bool is_name(const struct fs_hidden_folder *f, const char *name)
{
	return !strncmp(f->name, name, f->len) && !name[f->len];
}

static bool is_in(const struct fs_hidden_rules *rules, uint32_t i, const struct fs_place *in,
		  uint64_t identity)
{
	return is_place(rules, rules->folders[i].above, in, identity);
}

/* True if the folder's listed name finds the same file. */
static bool is_same(int folder, const struct fs_hidden_folder *f, uint64_t found)
{
	char name[FS_NAME_MAX + 1];
	struct statx st;

	if (f->len > FS_NAME_MAX)
		return false;
	memcpy(name, f->name, f->len);
	name[f->len] = 0;
	return virtdev_priv_fs_stat(folder, name, &st) >= 0 &&
	       virtdev_priv_fs_hidden_identity(virtdev_priv_fs_dev_of(&st), st.stx_ino) == found;
}

/*
 * The driver must not rename the folder of a rule: with the same rules, the next machine or
 * process would find nothing at the path, and the hidden names elsewhere. It must not
 * remove a folder that is known only by its path either, because then no identity of it
 * would remain.
 */
static bool is_fixed(const struct fs *fs, const struct fs_place *in, const char *name, enum fs_name_use use)
{
	const uint64_t above = identity_of(in);
	const struct fs_hidden_rules *rules = &fs->hidden;
	uint32_t i;

	for (i = 1; i < rules->nfolders; i++) {
		const struct fs_hidden_folder *f = &rules->folders[i];
		const uint64_t last = __atomic_load_n(&f->last, __ATOMIC_RELAXED);

		if (is_in(rules, i, in, above) && is_name(f, name) &&
		    (f->fixed || last || (f->first && use == FS_NAME_MOVES)))
			return true;
	}
	return false;
}

bool virtdev_priv_fs_is_sealed(const struct fs *fs, const struct fs_inode *folder)
{
	const struct fs_place in = virtdev_priv_fs_place_of(folder);
	const uint64_t identity = identity_of(&in);
	uint32_t i;

	for (i = 0; i < fs->hidden.nfolders; i++)
		if (fs->hidden.folders[i].sealed && is_place(&fs->hidden, i, &in, identity))
			return true;
	return false;
}

/* --------------------------------------------------------- other spellings */

/*
 * True if the name could be another spelling of a rule's folder, which the request would
 * rename or replace.
 */
static bool may_be_folder(const struct fs *fs, const struct fs_place *in, const char *name)
{
	const uint64_t identity = identity_of(in);
	const struct fs_hidden_folder *f;
	uint32_t i;

	for (i = 1; i < fs->hidden.nfolders; i++) {
		f = &fs->hidden.folders[i];
		if (is_in(&fs->hidden, i, in, identity) && !is_name(f, name) &&
		    virtdev_priv_fs_may_equal(in, f->name, f->len, name))
			return true;
	}
	return false;
}

/*
 * True if an exception shows the file that this name finds, in any spelling that the folder
 * lists. If the file system has spelling rules of its own, an exception with a pattern
 * could match another spelling of a hidden name, so it does not count.
 */
static bool is_exception(const struct fs_hidden *h, const struct fs_place *in, const char *name)
{
	const bool is_literal = !h->pattern[strcspn(h->pattern, "*?[\\")];

	return h->shown && (is_literal || !in->spells) && !fnmatch(h->pattern, name, 0);
}

/* True if the name is not hidden, but could be another spelling of a hidden name. */
static bool may_be_hidden(const struct fs *fs, const struct fs_place *in, const char *name)
{
	const uint64_t identity = identity_of(in);
	const struct fs_hidden *h = fs->hidden.rules;
	bool may = false;
	uint32_t i;

	for (i = 0; i < fs->hidden.n; i++, h++) {
		if (!is_place(&fs->hidden, h->at, in, identity))
			continue;
		if (is_exception(h, in, name))
			return false;
		may |= !h->shown && virtdev_priv_fs_may_match(in, h->pattern, name);
	}
	return may;
}

/* ------------------------------------------------------------------ names */

int virtdev_priv_fs_judge_name(const struct fs *fs, const struct fs_place *in, const char *name,
			       enum fs_name_use use)
{
	if (!fs->hidden.n)
		return 0;
	if (virtdev_priv_fs_is_hidden(fs, in, name))
		return use == FS_NAME_FINDS ? -ENOENT : -EACCES;
	if (use != FS_NAME_FINDS && is_fixed(fs, in, name, use))
		return -EBUSY;
	return may_be_hidden(fs, in, name) || (use != FS_NAME_FINDS && may_be_folder(fs, in, name));
}

int virtdev_priv_fs_judge_doubtful(const struct fs *fs, const struct fs_place *in, const char *name,
				   enum fs_name_use use)
{
	struct statx st;

	if (virtdev_priv_fs_stat(in->fd, name, &st) < 0 || virtdev_priv_fs_is_listed(fs, in->fd, name))
		return 0;
	return use == FS_NAME_FINDS ? -ENOENT : -EACCES;
}

/* -------------------------------------------------------------- found files */

/* Records a found folder of the rules; returns its index if its inode has to keep it, or 0. */
static uint32_t note_folder(const struct fs *fs, const struct fs_place *in, const char *name,
			    const struct statx *st)
{
	const uint64_t above = identity_of(in);
	const uint64_t found = virtdev_priv_fs_hidden_identity(virtdev_priv_fs_dev_of(st), st->stx_ino);
	const struct fs_hidden_rules *rules = &fs->hidden;
	uint32_t i, at = 0;

	for (i = 1; i < rules->nfolders; i++) {
		struct fs_hidden_folder *f = &rules->folders[i];
		bool is_here = is_at(f, found);

		if (!is_here && is_in(rules, i, in, above) &&
		    (is_name(f, name) || (virtdev_priv_fs_may_equal(in, f->name, f->len, name) && is_same(in->fd, f, found)))) {
			__atomic_store_n(&f->last, found, __ATOMIC_RELAXED);
			is_here = true;
		}
		/* folders that existed at the creation are recognized by first */
		if (is_here && f->first != found)
			at = i;
	}
	return at;
}

int virtdev_priv_fs_hidden_found(const struct fs *fs, const struct fs_place *in, const char *name,
				 int fd, const struct statx *st, uint32_t *rules)
{
	*rules = 0;
	if (fs->hidden.n && S_ISDIR(st->stx_mode)) {
		if (st->stx_mnt_id != in->mount)
			virtdev_priv_fs_hidden_refresh(fs);
		*rules = note_folder(fs, in, name, st);
	}
	return virtdev_priv_fs_is_private(fs, fd, st, virtdev_priv_fs_is_in_private(fs, in->fd)) ? -ENOENT : 0;
}

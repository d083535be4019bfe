/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* LOOKUP and FORGET, and struct fuse_entry_out: the reply to requests that count a lookup. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "fs/device/recover.h"
#include "fs/names/names.h"

/*
 * Maximum inodes in one BATCH_FORGET, each of which may close a descriptor. Linux sends
 * at most a page of them.
 */
#define MAX_FORGOTTEN 4096u

int virtdev_priv_fs_check_name(const struct fs_call *c, struct fs_inode *folder, const char *name,
			       enum fs_name_use use)
{
	struct fs_place in;
	int rc;

	if (virtdev_priv_fs_automounts(c, folder)) {
		if (use != FS_NAME_FINDS)
			return -EACCES;
		virtdev_priv_fs_host_call_begin(c);
		rc = virtdev_priv_fs_is_listed(c->fs, folder->fd, name) ? 0 : -ENOENT;
		return virtdev_priv_fs_host_call_end(c, rc);
	}
	rc = virtdev_priv_fs_learn_spelling(c, folder);
	if (rc < 0)
		return rc;
	in = virtdev_priv_fs_place_of(folder);
	rc = virtdev_priv_fs_judge_name(c->fs, &in, name, use);
	if (rc <= 0)
		return rc;
	virtdev_priv_fs_host_call_begin(c);
	rc = virtdev_priv_fs_judge_doubtful(c->fs, &in, name, use);
	return virtdev_priv_fs_host_call_end(c, rc);
}

/* Whether the driver may use the file that it found. The host may have mounted or made it meanwhile. */
static int check_found(const struct fs_call *c, const char *name, int fd, const struct statx *st,
		       uint32_t *rules)
{
	const struct fs_place in = virtdev_priv_fs_place_of(c->inode);
	int rc;

	if (in.dev == virtdev_priv_fs_dev_of(st) && virtdev_priv_fs_automounts(c, c->inode))
		return -ENOENT;
	if (!name || (!c->fs->hidden.n && !c->fs->config.hide_private))
		return 0;
	virtdev_priv_fs_host_call_begin(c);
	rc = virtdev_priv_fs_hidden_found(c->fs, &in, name, fd, st, rules);
	return virtdev_priv_fs_host_call_end(c, rc);
}

/*
 * Overlayfs without index=on separates the names of a lower file when it is written by one
 * of them. The inode that the driver holds by the written name then has another number, and
 * its previous number belongs to the other names. Overlayfs has no block device, thus major
 * 0.
 */
static int check_separated(const struct fs_call *c, const struct statx *st)
{
	const bool may_be = st->stx_nlink > 1 && !st->stx_dev_major && !S_ISDIR(st->stx_mode);
	const uint64_t id = may_be ? virtdev_priv_fs_inode_known(c->fs, st) : 0;
	struct statx now;
	int fd, rc;

	fd = id ? virtdev_priv_fs_inode_dup(c->fs, id) : -ESTALE;
	if (fd < 0)
		return fd == -ESTALE ? 0 : fd;
	virtdev_priv_fs_host_call_begin(c);
	rc = virtdev_priv_fs_host_call_end(c, virtdev_priv_fs_stat_mount(c->fs, fd, "", &now));
	vsu_fd_close(&fd);
	if (rc == -ECANCELED)
		return rc;
	if (rc >= 0)
		virtdev_priv_fs_inode_renumber(c->fs, id, &now);
	return 0;
}

int virtdev_priv_fs_entry_take_fd(const struct fs_call *c, const char *name, int fd,
				  struct fuse_entry_out *out)
{
	struct fs *fs = c->fs;
	struct statx st;
	uint32_t rules = 0;
	uint64_t id;
	int rc;

	virtdev_priv_fs_host_call_begin(c);
	rc = virtdev_priv_fs_host_call_end(c, virtdev_priv_fs_stat_mount(fs, fd, "", &st));
	if (rc >= 0)
		rc = check_found(c, name, fd, &st, &rules);
	if (rc >= 0)
		rc = check_separated(c, &st);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	rc = virtdev_priv_fs_inode_lookup_take_fd(fs, fd, &st, rules, &id);
	if (rc < 0)
		return rc;
	if (name)
		virtdev_priv_fs_recover_set_dentry(fs, id, c->inode->slot.id, name);
	virtdev_priv_fs_window_fit(c, id, st.stx_size);
	memset(out, 0, sizeof(*out));
	out->nodeid = id;
	out->entry_valid = out->attr_valid = fs->valid_s;
	virtdev_priv_fs_attr(fs, &st, &out->attr);
	if (st.stx_mnt_id != c->inode->mount && S_ISDIR(st.stx_mode) &&
	    virtdev_priv_fs_agreed(fs, FUSE_SUBMOUNTS))
		out->attr.flags = FUSE_ATTR_SUBMOUNT;
	return 0;
}

int virtdev_priv_fs_entry(const struct fs_call *c, const char *name,
			  struct fuse_entry_out *out)
{
	int fd, rc;

	virtdev_priv_fs_host_call_begin(c);
	fd = openat(c->inode->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	rc = virtdev_priv_fs_host_call_end(c, fd < 0 ? -errno : 0);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return rc;
	}
	return virtdev_priv_fs_entry_take_fd(c, name, fd, out);
}

int virtdev_priv_fs_lookup(struct fs_call *c)
{
	struct fuse_entry_out out;
	int rc = virtdev_priv_fs_entry(c, c->name, &out);

	return rc < 0 ? rc : virtdev_priv_fs_reply(c, &out, sizeof(out));
}

int virtdev_priv_fs_forget(struct fs_call *c)
{
	virtdev_priv_fs_inode_forget(c->fs, c->in.nodeid,
				     c->arg.forget.nlookup);
	return 0;
}

int virtdev_priv_fs_batch_forget(struct fs_call *c)
{
	uint32_t n = c->arg.batch_forget.count;
	struct fuse_forget_one one;

	if (n > MAX_FORGOTTEN || n > c->left / sizeof(one))
		return -EINVAL;
	while (n-- && vq_cursor_read_obj(&c->from, &one))
		virtdev_priv_fs_inode_forget(c->fs, one.nodeid, one.nlookup);
	return 0;
}

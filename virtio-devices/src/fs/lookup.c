/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* INIT, DESTROY, LOOKUP and FORGET. */
#include <config.h>

#include <errno.h>
#include <stddef.h>

#include "fs/priv.h"

/*
 * Maximum inodes in one BATCH_FORGET, each of which may close a descriptor. Linux sends
 * at most a page of them.
 */
#define MAX_FORGOTTEN 4096u

/* Offered with any configuration. */
#define OFFERED (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_DO_READDIRPLUS | \
		 FUSE_READDIRPLUS_AUTO | FUSE_ASYNC_DIO | \
		 FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_INIT_EXT | \
		 FS_CREATE_SUPP_GROUP)

/*
 * Not offered with a DAX window: stores to the window bypass the device, so the driver
 * must clear SUID and SGID itself, and must send O_TRUNC as a separate SETATTR.
 */
#define WITHOUT_WINDOW (FUSE_ATOMIC_O_TRUNC | FUSE_HANDLE_KILLPRIV_V2)

/* With ACLs the device applies the umask, unless a default ACL replaces it. */
#define LISTS (FUSE_POSIX_ACL | FUSE_DONT_MASK | FUSE_SETXATTR_EXT)

#define PAGE 4096u

static void forget_session(const struct fs_call *c)
{
	virtdev_priv_fs_session_end(c->fs);
	virtdev_priv_fs_window_clear(c);
}

uint64_t virtdev_priv_fs_offered(const struct fs *fs, uint32_t driver)
{
	const bool window = fs->config.window && driver & FUSE_MAP_ALIGNMENT;

	return OFFERED | (window ? 0 : WITHOUT_WINDOW) |
	       (virtdev_priv_fs_caches_names(&fs->config) ?
		FUSE_CACHE_SYMLINKS : FUSE_AUTO_INVAL_DATA) |
	       (fs->config.posix_lock ? FUSE_POSIX_LOCKS : 0) |
	       (fs->config.flock ? FUSE_FLOCK_LOCKS : 0) |
	       (fs->config.posix_acl ? LISTS : 0) |
	       (fs->config.security_label ? FS_SECURITY_CTX : 0) |
	       (fs->config.submounts ? FUSE_SUBMOUNTS : 0) |
	       (fs->config.window ? FUSE_MAP_ALIGNMENT : 0);
}

/* A driver with another major version repeats INIT with this one. */
static int answer_version(struct fs_call *c)
{
	const struct fuse_init_out out = { .major = FUSE_KERNEL_VERSION,
					   .minor = FS_MAX_MINOR };

	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

static int answer_init(struct fs_call *c, const struct fuse_init_in *in)
{
	/* before 7.38 labels are not extensions; not supported */
	const uint64_t without = in->minor < FS_MINOR_EXTENSIONS ? FS_SECURITY_CTX : 0;
	const uint64_t flags = (in->flags | (uint64_t)in->flags2 << 32) &
			       virtdev_priv_fs_offered(c->fs, in->flags) &
			       ~without;
	const struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION, .minor = FS_MAX_MINOR,
		.max_readahead = in->max_readahead, .flags = (uint32_t)flags,
		.flags2 = (uint32_t)(flags >> 32), .time_gran = 1,
		.max_write = FS_TRANSFER, .max_pages = FS_TRANSFER / PAGE,
		.map_alignment = flags & FUSE_MAP_ALIGNMENT ? FS_CHUNK_BITS
						    : 0,
	};

	virtdev_priv_fs_session_begin(c->fs, flags | FS_SESSION);
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

int virtdev_priv_fs_init(struct fs_call *c)
{
	struct fuse_init_in in = c->arg.init;
	const uint32_t more = sizeof(in) - FS_INIT_SHORT;

	if (in.major > FUSE_KERNEL_VERSION)
		return answer_version(c);
	if (in.major < FUSE_KERNEL_VERSION || in.minor < FS_MIN_MINOR)
		return -EPROTO;
	vq_cursor_read(&c->from, (char *)&in + FS_INIT_SHORT,
		       c->left < more ? c->left : more);
	if (!(in.flags & FUSE_INIT_EXT))
		in.flags2 = 0;
	forget_session(c);
	return answer_init(c, &in);
}

int virtdev_priv_fs_destroy(struct fs_call *c)
{
	forget_session(c);
	return 0;
}

int virtdev_priv_fs_lookup(struct fs_call *c)
{
	return virtdev_priv_fs_reply_entry(c, c->name);
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

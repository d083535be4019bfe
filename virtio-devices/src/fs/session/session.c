/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Begins and ends a FUSE session: INIT, DESTROY and resets. */
#include <config.h>

#include <errno.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "fs/device/recover.h"
#include "fs/session/session.h"

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

/* Not a store: another thread may set FS_KEEP_ALWAYS meanwhile. */
void virtdev_priv_fs_session_used(struct fs *fs)
{
	int restored = FS_KEEP_RESTORED;

	__atomic_compare_exchange_n(&fs->keep, &restored, FS_KEEP_NOTHING, false,
				    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

void virtdev_priv_fs_session_begin(struct fs *fs, uint64_t agreed)
{
	virtdev_priv_fs_session_used(fs);
	virtdev_priv_fs_recover_agreed(fs, agreed);
	__atomic_store_n(&fs->agreed, agreed, __ATOMIC_RELEASE);
}

static bool session_end(struct fs *fs, struct fs_ending *ending, uint64_t until)
{
	if (!ending->runs) {
		virtdev_priv_fs_session_begin(fs, 0);
		virtdev_priv_fs_replay_clear(fs);
		*ending = (struct fs_ending){ .runs = true };
	}
	ending->runs = virtdev_priv_fs_owners_forget(fs, until) ||
		       virtdev_priv_fs_handles_forget(fs, &ending->handle, until) ||
		       virtdev_priv_fs_inodes_forget(fs, &ending->inode, until);
	return ending->runs;
}

void virtdev_priv_fs_session_end(struct fs *fs)
{
	struct fs_ending ending = { 0 };

	session_end(fs, &ending, UINT64_MAX);
}

bool virtdev_priv_fs_session_end_turn(struct fs *fs)
{
	return session_end(fs, &fs->ending, vsu_now_ns() + VQ_TURN_NS);
}

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
		.max_write = FS_TRANSFER, .max_pages = FS_PAGES,
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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes replies, counts statistics and measures latency. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "fs/device/priv.h"

int virtdev_priv_fs_reply(struct fs_call *c, const void *bytes, size_t len)
{
	if (virtdev_priv_fs_is_detached(c))
		return -ECANCELED;
	return vq_cursor_write_exact(&c->to, bytes, (uint32_t)len) ? (int)len
								  : -EINVAL;
}

bool virtdev_priv_fs_agreed(const struct fs *fs, uint64_t flags)
{
	return (__atomic_load_n(&fs->agreed, __ATOMIC_RELAXED) & flags) == flags;
}

void virtdev_priv_fs_count(struct fs *fs, enum fs_count which, uint64_t n)
{
	__atomic_fetch_add(&fs->counts[which], n, __ATOMIC_RELAXED);
}

uint32_t virtdev_priv_fs_stats(void *self, struct virtdev_stat *stats,
			       uint32_t max)
{
	static const char *const names[FS_COUNTS] = {
		[FS_REQUESTS] = "requests", [FS_FAILED] = "failed",
		[FS_BYTES_READ] = "bytes-read",
		[FS_BYTES_WRITTEN] = "bytes-written", [FS_LOST] = "lost",
	};
	const struct fs *fs = self;
	uint32_t i;

	for (i = 0; i < FS_COUNTS && i < max; i++)
		stats[i] = (struct virtdev_stat){ names[i],
			__atomic_load_n(&fs->counts[i], __ATOMIC_RELAXED) };
	return FS_COUNTS;
}

const char *const virtdev_priv_fs_kinds[] = {
	[FS_METADATA] = "metadata", [FS_READ] = "read", [FS_WRITE] = "write",
	[FS_SYNC] = "sync", NULL,
};

/* FLUSH is no sync: it follows each close() of the guest. */
uint32_t virtdev_priv_fs_kind(uint32_t opcode)
{
	static const uint8_t kinds[] = {
		[FUSE_READ] = FS_READ, [FUSE_WRITE] = FS_WRITE,
		[FUSE_COPY_FILE_RANGE] = FS_WRITE, [FUSE_FSYNC] = FS_SYNC,
		[FUSE_FSYNCDIR] = FS_SYNC, [FUSE_SYNCFS] = FS_SYNC,
	};

	return opcode < sizeof(kinds) ? kinds[opcode] : FS_METADATA;
}

uint64_t virtdev_priv_fs_measure_begin(const struct fs_queue *q)
{
	if (!q->measured)
		return 0;
	virtdev_measured_begin(q->measured);
	return vsu_now_ns();
}

void virtdev_priv_fs_measure_end(const struct fs_queue *q, uint32_t kind,
				 uint64_t popped)
{
	if (q->measured)
		virtdev_measured_end(q->measured, kind, vsu_now_ns() - popped);
}

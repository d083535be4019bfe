/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes replies, and counts statistics. */
#include <config.h>

#include <errno.h>

#include "fs/priv.h"

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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* For all handlers: an answer, and a counter. */
#include <config.h>

#include <errno.h>

#include "fs/fs_priv.h"

int virtdev_priv_fs_answer(struct fs_call *c, const void *bytes, size_t len)
{
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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Measures the latency of requests, if the device's owner provided the storage. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "fs/priv.h"

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

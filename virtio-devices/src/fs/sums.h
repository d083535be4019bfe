/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * By which a record of what outlives the process is known to be whole: over that
 * which does not change while it is there.
 */
#ifndef VIRTIO_DEVICES_FS_SUMS_H
#define VIRTIO_DEVICES_FS_SUMS_H

#include <stddef.h>
#include <stdint.h>

#include "fs/recover.h"

/* FNV-1a */
#define FS_SUM_BEGIN UINT64_C(0xcbf29ce484222325)

static inline uint64_t fs_sum_of(uint64_t sum, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	while (len--)
		sum = (sum ^ *at++) * UINT64_C(0x100000001b3);
	return sum;
}

static inline uint64_t fs_recover_inode_sum(
		const struct fs_recover_inode_record *r, uint64_t id)
{
	uint64_t sum = fs_sum_of(FS_SUM_BEGIN, &id, sizeof(id));

	sum = fs_sum_of(sum, &r->dev, sizeof(r->dev));
	sum = fs_sum_of(sum, &r->ino, sizeof(r->ino));
	sum = fs_sum_of(sum, &r->born, sizeof(r->born));
	sum = fs_sum_of(sum, &r->type, sizeof(r->type));
	return fs_sum_of(sum, &r->found, sizeof(r->found));
}

static inline uint64_t fs_recover_place_sum(const struct fs_recover_place *p)
{
	const uint64_t sum = fs_sum_of(FS_SUM_BEGIN, &p->parent, sizeof(p->parent));

	return fs_sum_of(sum, p->name, sizeof(p->name));
}

static inline uint64_t fs_recover_handle_sum(
		const struct fs_recover_handle_record *r, uint64_t id)
{
	uint64_t sum = fs_sum_of(FS_SUM_BEGIN, &id, sizeof(id));

	sum = fs_sum_of(sum, &r->node, sizeof(r->node));
	return fs_sum_of(sum, &r->flags, sizeof(r->flags));
}

#endif

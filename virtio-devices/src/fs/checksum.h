/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checksums of recovery records, over the fields that do not change while the record
 * is valid. They detect records that a host crash left incomplete.
 */
#ifndef VIRTIO_DEVICES_FS_CHECKSUM_H
#define VIRTIO_DEVICES_FS_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "fs/recover.h"

/* FNV-1a */
#define FS_CHECKSUM_SEED UINT64_C(0xcbf29ce484222325)

static inline uint64_t fs_checksum(uint64_t sum, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	while (len--)
		sum = (sum ^ *at++) * UINT64_C(0x100000001b3);
	return sum;
}

static inline uint64_t fs_recover_inode_sum(
		const struct fs_recover_inode_record *r, uint64_t id)
{
	uint64_t sum = fs_checksum(FS_CHECKSUM_SEED, &id, sizeof(id));

	sum = fs_checksum(sum, &r->dev, sizeof(r->dev));
	sum = fs_checksum(sum, &r->ino, sizeof(r->ino));
	sum = fs_checksum(sum, &r->btime, sizeof(r->btime));
	sum = fs_checksum(sum, &r->type, sizeof(r->type));
	return fs_checksum(sum, &r->file_handle, sizeof(r->file_handle));
}

static inline uint64_t fs_recover_dentry_sum(const struct fs_recover_dentry *p)
{
	const uint64_t sum = fs_checksum(FS_CHECKSUM_SEED, &p->parent, sizeof(p->parent));

	return fs_checksum(sum, p->name, sizeof(p->name));
}

static inline uint64_t fs_recover_handle_sum(
		const struct fs_recover_handle_record *r, uint64_t id)
{
	uint64_t sum = fs_checksum(FS_CHECKSUM_SEED, &id, sizeof(id));

	sum = fs_checksum(sum, &r->node, sizeof(r->node));
	return fs_checksum(sum, &r->flags, sizeof(r->flags));
}

#endif

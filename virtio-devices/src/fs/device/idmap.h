/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Translation of UIDs or GIDs between guest and host, by the rules described in
 * virtio-devices/fs.h. IDs without a rule are unchanged.
 *
 * Threads: immutable after the last add.
 */
#ifndef VIRTIO_DEVICES_FS_DEVICE_IDMAP_H
#define VIRTIO_DEVICES_FS_DEVICE_IDMAP_H

#include <stdint.h>

#include <virtio-devices/fs.h>
#include <vmm-sys-util/error.h>

/* Maximum rules of one map. */
#define FS_IDMAP_RULES VIRTDEV_FS_RULES_MAX

struct fs_idmap_range {
	uint32_t first, last;	/* IDs, inclusive */
	uint32_t to;		/* translation of first */
	uint8_t how;		/* enum how of idmap.c */
};

struct fs_idmap_way {
	uint32_t n;
	struct fs_idmap_range ranges[FS_IDMAP_RULES];
};

struct fs_idmap {
	struct fs_idmap_way to_host, to_guest;
};

/*
 * -EINVAL: malformed, overlaps another rule of the same direction, or exceeds 32 bits;
 * -ENOSPC: more than FS_IDMAP_RULES.
 */
int virtdev_priv_fs_idmap_add(struct fs_idmap *map, const char *rule,
			      struct vsu_error *err);

/* -EPERM: a rule forbids the ID; -EINVAL: 4294967295, which is not an ID. */
int virtdev_priv_fs_idmap_to_host(const struct fs_idmap *map, uint32_t id,
				  uint32_t *host);
uint32_t virtdev_priv_fs_idmap_to_guest(const struct fs_idmap *map, uint32_t id);

#endif

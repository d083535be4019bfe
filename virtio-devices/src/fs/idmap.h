/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbers of users, or of groups, as the guest has them and as the host does, by
 * rules as virtio-devices/fs.h has them.
 *
 * Threads: a map that is made is only read.
 */
#ifndef VIRTIO_DEVICES_FS_IDMAP_H
#define VIRTIO_DEVICES_FS_IDMAP_H

#include <stdint.h>

#include <virtio-devices/fs.h>
#include <vmm-sys-util/error.h>

/* Of one map, at most. */
#define FS_IDMAP_RULES VIRTDEV_FS_RULES_MAX

struct fs_idmap_range {
	uint32_t first, last;	/* numbers that it is about */
	uint32_t to;		/* the first one's other number */
	uint8_t how;		/* one by one, all the same, or none */
};

struct fs_idmap_way {
	uint32_t n;
	struct fs_idmap_range ranges[FS_IDMAP_RULES];
};

struct fs_idmap {
	struct fs_idmap_way to_host, to_guest;
};

/*
 * One rule more. -EINVAL: it is none, is about a number that another one is
 * about in the same direction, or leads beyond 32 bits; -ENOSPC: there are too many.
 */
int virtdev_priv_fs_idmap_add(struct fs_idmap *map, const char *rule,
			      struct vsu_error *err);

/* -EPERM: the guest may not use it; -EINVAL: it is none on either side. */
int virtdev_priv_fs_idmap_to_host(const struct fs_idmap *map, uint32_t id,
				  uint32_t *host);
uint32_t virtdev_priv_fs_idmap_to_guest(const struct fs_idmap *map, uint32_t id);

#endif

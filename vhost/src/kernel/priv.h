/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device that the kernel serves, from within.
 *
 *   home    host addresses of a ring's areas, as the kernel was told
 *   limit   regions of memory that the kernel takes
 */
#ifndef VHOST_KERNEL_PRIV_H
#define VHOST_KERNEL_PRIV_H

#include <linux/vhost.h>

#include <vhost/kernel.h>

struct kern_ring {
	bool described, running;
	struct vhost_user_ring desc;
	struct vhost_vring_addr home;
};

/* All that differs between the kinds. */
struct kern_kind {
	const char *node;
	uint64_t features;	/* its own bits */
	uint32_t needed;	/* rings without which nothing runs */
	int (*open)(const struct vhost_kern *k, struct vsu_error *err);
	int (*attach)(const struct vhost_kern *k, uint32_t ring, bool on);
};

struct vhost_kern {
	struct vhost_kern_config config;
	const struct kern_kind *kind;
	char *name;
	int fd;
	uint64_t offered;	/* by the kernel */
	uint64_t features;	/* of the last start */
	bool agreed;		/* the kernel was told of them for the next */
	unsigned int limit;
	bool running;
	struct vmem_map *map;	/* or NULL */
	struct kern_ring rings[VHOST_KERN_RINGS];
	void *log;		/* NULL: no log */
	size_t log_len;
};

/* request.c */

/* A request to the node, answered by 0 or a negative errno. */
int vhost_kern_priv_call(const struct vhost_kern *k, unsigned long request,
			 void *arg);
/* The features of the last start, with that of the log while there is one. */
int vhost_kern_priv_send_features(const struct vhost_kern *k);

/* kinds.c */

/* NULL: there is no such kind. */
const struct kern_kind *vhost_kern_priv_kind(enum vhost_kern_kind kind);

/* home.c */

/* The kernel is told of this region: it would store to ROM like to any. */
bool vhost_kern_priv_is_told(const struct vmem_region *region);
/* The place of [gpa, gpa + len), if it is in one such region; or NULL. */
const void *vhost_kern_priv_find(const struct vmem_map *map, uint64_t gpa,
				 uint64_t len);
/* The places of a ring's areas; -EFAULT: not in one region each. */
int vhost_kern_priv_locate(const struct vhost_kern *k, uint32_t index,
			   const struct vmem_map *map,
			   struct vhost_vring_addr *out, struct vsu_error *err);
/* Tells the kernel where they are, and whether stores are logged. */
int vhost_kern_priv_send_home(const struct vhost_kern *k, uint32_t index);

/* iotlb.c */

/* The kernel has no translation left. */
int vhost_kern_priv_iotlb_forget(const struct vhost_kern *k,
				 struct vsu_error *err);

/* log.c */

/* -EINVAL: the log is too small for map. */
int vhost_kern_priv_check_log(const struct vhost_kern *k,
			      const struct vmem_map *map,
			      struct vsu_error *err);

#endif

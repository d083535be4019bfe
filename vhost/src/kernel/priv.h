/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose rings the Linux kernel serves (vhost-net, vhost-vsock):
 * declarations that its files share.
 */
#ifndef VHOST_KERNEL_PRIV_H
#define VHOST_KERNEL_PRIV_H

#include <linux/vhost.h>

#include <vhost/kernel.h>

struct kern_ring {
	bool described, running;
	struct vhost_user_ring desc;
	struct vhost_vring_addr sent_addr;	/* host addresses last sent to the kernel */
};

/* The differences between net and vsock. */
struct kern_kind {
	const char *node;
	uint64_t features;	/* device features in addition to ring features */
	uint32_t needed;	/* rings that must be described before a start */
	int (*open)(const struct vhost_kern *k, struct vsu_error *err);
	int (*attach)(const struct vhost_kern *k, uint32_t ring, bool on);
};

struct kern_log {
	void *bits;		/* NULL: no log */
	size_t len;
	int event_fd;		/* a duplicate; or -1 */
};

struct vhost_kern {
	struct vhost_kern_config config;
	const struct kern_kind *kind;
	char *name;
	int fd;
	uint64_t offered;	/* from VHOST_GET_FEATURES */
	uint64_t features;	/* of the last start */
	unsigned int limit;	/* maximum number of memory regions */
	bool running;
	struct vmem_map *map;	/* or NULL */
	struct kern_ring rings[VHOST_KERN_RINGS];
	struct kern_log log;
};

/* kernel.c */

/* As vhost_kern_open() for an open node; config->node is its name. */
int vhost_kern_priv_new_take_fd(int fd, const struct vhost_kern_config *config,
				struct vhost_kern **out, struct vsu_error *err);

/* request.c */

/* An ioctl on the device node: 0 or a negative errno. */
int vhost_kern_priv_call(const struct vhost_kern *k, unsigned long request,
			 void *arg);
/* Sets the features of the last start, with LOG_ALL if a log exists. */
int vhost_kern_priv_send_features(const struct vhost_kern *k);

/* kinds.c */

/* NULL: unknown kind. */
const struct kern_kind *vhost_kern_priv_kind(enum vhost_kern_kind kind);

/* address.c */

/* False for ROM: the kernel would write to it as to any other region. */
bool vhost_kern_priv_is_exposed(const struct vmem_region *region);
/* The host addresses of a ring's areas; -EFAULT: an area is not in one region. */
int vhost_kern_priv_locate(const struct vhost_kern *k, uint32_t index,
			   const struct vmem_map *map,
			   struct vhost_vring_addr *out, struct vsu_error *err);
/* Sends these addresses to the kernel, with the flag that logs stores. */
int vhost_kern_priv_send_addresses(const struct vhost_kern *k, uint32_t index);

/* log.c */

/* -EINVAL: the log is too small for map. */
int vhost_kern_priv_check_log(const struct vhost_kern *k,
			      const struct vmem_map *map,
			      struct vsu_error *err);

#endif

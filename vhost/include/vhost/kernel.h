/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vhost of the Linux kernel: the kernel serves the rings of a network card, over
 * a tap interface (/dev/vhost-net), or of a socket device (/dev/vhost-vsock).
 *
 *   k        an open device node, for one device; opaque
 *   start    passes the rings, as the driver set them up, to the kernel
 *   stop     takes the rings from the kernel and returns their positions
 *   memory   writable regions of the guest, as host addresses. ROM is omitted,
 *            because the kernel would write to it
 *
 * The kernel does not check the host addresses that it receives, so this
 * library does. A ring must be in one region of the guest's memory, and memory
 * that contains a running ring cannot be removed. The map is referenced while
 * the kernel may use it.
 *
 * The ring format is split. The kernel signals err_fd of a broken ring; the
 * caller must then stop the rings.
 *
 * Threads: confined to one thread. Calls block only for the kernel's own work,
 * such as stopping a ring.
 */
#ifndef VHOST_KERNEL_H
#define VHOST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vhost/frontend.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_kern;

/* Rings that the kernel serves: 0 transfers to the driver, 1 from the driver. */
#define VHOST_KERN_RINGS 2u

enum vhost_kern_kind {
	VHOST_KERN_NET,
	VHOST_KERN_VSOCK,
};

struct vhost_kern_config {
	size_t size;		/* sizeof(struct vhost_kern_config) */
	enum vhost_kern_kind kind;
	const char *node;	/* NULL: the kind's default, "/dev/vhost-net" */
	/*
	 * Network card: a tap interface with headers of 12 bytes
	 * (IFF_VNET_HDR), which is duplicated.
	 */
	int tap_fd;
	uint64_t cid;		/* socket device: the guest's context id */
};

/*
 * Opens the node and makes this process its owner. -ENOENT: the host has no
 * such node; -EACCES: permission denied; -EADDRINUSE: another guest uses that
 * context id; -EINVAL: an invalid member; or the kernel's error.
 */
VHOST_USER_API int vhost_kern_open(const struct vhost_kern_config *config,
				   struct vhost_kern **out,
				   struct vsu_error *err) VSU_NODISCARD;

/* Stops running rings. */
VHOST_USER_API void vhost_kern_free(struct vhost_kern *k);

/* "/dev/vhost-net", for messages. */
VHOST_USER_API const char *vhost_kern_name(const struct vhost_kern *k);

/*
 * The features that the kernel offers to a driver: ring features (VQ_F_*) that
 * this library supports as well, and the features of the kind.
 */
VHOST_USER_API uint64_t vhost_kern_features(const struct vhost_kern *k);

/*
 * Sets the guest's memory; call it again whenever the memory changes, also
 * while rings run.
 *
 *   -ENOSPC  too many regions for the kernel; its module parameter is
 *            max_mem_regions
 *   -EINVAL  the log of dirty pages is too short for the new memory
 *   -EBUSY   a running ring is in memory that would be removed: the previous
 *            map stays in effect
 */
VHOST_USER_API int vhost_kern_set_memory(struct vhost_kern *k,
					 struct vmem_map *map,
					 struct vsu_error *err) VSU_NODISCARD;

/*
 * Describes a ring for the next start and duplicates its descriptors. -EBUSY:
 * rings run; -EINVAL: ring is NULL, or its index or size is invalid.
 */
VHOST_USER_API int vhost_kern_set_ring(struct vhost_kern *k, uint32_t index,
				       const struct vhost_user_ring *ring,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Starts the described rings, and signals kick_fd of each, because the driver
 * may already have added buffers. features: the driver's. -EFAULT: a ring is
 * outside the guest's memory; -EINVAL: features that were not offered, no
 * VIRTIO_F_VERSION_1, a missing ring, or an invalid size or alignment;
 * -EOPNOTSUPP: the kernel refuses the features;
 * -EBUSY: rings run, and continue. After any other failure no ring runs.
 */
VHOST_USER_API int vhost_kern_start(struct vhost_kern *k, uint64_t features,
				    struct vsu_error *err) VSU_NODISCARD;

VHOST_USER_API bool vhost_kern_is_running(const struct vhost_kern *k);

/*
 * Stops all rings; describe each again before the next start. bases, if not NULL,
 * receives their positions, as vq_base(); 0 for a ring that did not run.
 */
VHOST_USER_API void vhost_kern_stop(struct vhost_kern *k,
				    uint32_t bases[VHOST_KERN_RINGS]);

/* ----------------------------------------------------------------- dirty log */

/*
 * Enables the dirty log: the kernel sets one bit per 4096 bytes of guest memory
 * that it writes, lowest bit of a byte first, in len bytes at log. The log must
 * stay valid until a call with NULL disables it. The kernel signals event_fd
 * (duplicated; -1: none) after writes. Rings may run or not. -EINVAL: the log is
 * too short for the memory; -EOPNOTSUPP: not supported by the kernel. A call that fails
 * changes nothing: the previous log stays in use, and must stay valid.
 */
VHOST_USER_API int vhost_kern_set_log(struct vhost_kern *k, void *log,
				      size_t len, int event_fd,
				      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif

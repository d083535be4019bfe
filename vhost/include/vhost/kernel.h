/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * vhost of the Linux kernel: a network card over a tap interface
 * (/dev/vhost-net) and sockets between guest and host (/dev/vhost-vsock), whose
 * rings the kernel serves.
 *
 *   k        an open device node, for one device; opaque
 *   start    gives the rings, as the driver set them up, to the kernel
 *   stop     takes them back, with where they stand
 *   memory   regions that the guest may store to, as host addresses: ROM is
 *            left out, because the kernel knows no such thing
 *
 * The kernel believes each host address it is told, and nothing of what a
 * guest says gets there unjudged: a ring has to lie in memory that was given,
 * whole and in one region, and no memory that a running ring lies in can be
 * taken away. The map is referenced while the kernel may use it.
 *
 * The ring format is split. A ring that the kernel finds broken is told by its
 * err_fd; what else then happens to it is a stop.
 *
 * Threads: confined. Nothing waits for anything but the kernel's own work at
 * the ring that is stopped.
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
struct vmem_iotlb_entry;

/* Rings that the kernel serves of either kind: to the driver, from the driver. */
#define VHOST_KERN_RINGS 2u

enum vhost_kern_kind {
	VHOST_KERN_NET,
	VHOST_KERN_VSOCK,
};

struct vhost_kern_config {
	size_t size;		/* sizeof(struct vhost_kern_config) */
	enum vhost_kern_kind kind;
	const char *node;	/* NULL: the kind's, "/dev/vhost-net" */
	/*
	 * Of a network card: a tap interface with headers of 12 bytes
	 * (IFF_VNET_HDR), which is duplicated.
	 */
	int tap_fd;
	uint64_t cid;		/* of a socket device: the guest's context id */
};

/*
 * Opens the node and makes this process its owner. -ENOENT: the host has no
 * such node; -EACCES: not for this user; -EADDRINUSE: another guest has that
 * context id; -EINVAL: a member that cannot be; or the kernel's code.
 */
VHOST_USER_API int vhost_kern_open(const struct vhost_kern_config *config,
				   struct vhost_kern **out,
				   struct vsu_error *err) VSU_NODISCARD;

/* The same of a node that was opened elsewhere; config->node names it. */
VHOST_USER_API int vhost_kern_new_take_fd(int fd,
					  const struct vhost_kern_config *config,
					  struct vhost_kern **out,
					  struct vsu_error *err) VSU_NODISCARD;

/* Running rings are stopped. */
VHOST_USER_API void vhost_kern_free(struct vhost_kern *k);

/* "/dev/vhost-net", for sentences. */
VHOST_USER_API const char *vhost_kern_name(const struct vhost_kern *k);

/*
 * The kernel's offer to a driver: of the bits of the rings (VQ_F_*) those that
 * this library knows, and the kind's own.
 */
VHOST_USER_API uint64_t vhost_kern_features(const struct vhost_kern *k);

/*
 * The guest's memory, now and whenever it changes, while rings run, too. When
 * memory goes, the kernel loses all translations of I/O addresses that it was
 * told, and asks for those that it misses.
 *
 *   -ENOSPC  more regions than the kernel takes, which its module parameter
 *            max_mem_regions says
 *   -EBUSY   a running ring lies in memory that is not there any more: the
 *            former map stays in effect until the rings are stopped
 */
VHOST_USER_API int vhost_kern_set_memory(struct vhost_kern *k,
					 struct vmem_map *map,
					 struct vsu_error *err) VSU_NODISCARD;

/*
 * Describes a ring for the next start; the descriptors are duplicated. -EBUSY:
 * it runs.
 */
VHOST_USER_API int vhost_kern_set_ring(struct vhost_kern *k, uint32_t index,
				       const struct vhost_user_ring *ring,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Starts the rings that were described, and signals kick_fd of each, because
 * the driver may have gone on meanwhile. features: the driver's. -EFAULT: a ring
 * is not in memory that was given; -EINVAL: features that were not offered, or
 * a ring's size or alignment; -EOPNOTSUPP: the kernel refuses the features;
 * -EBUSY: they run already, and go on. Nothing runs after any other failure.
 */
VHOST_USER_API int vhost_kern_start(struct vhost_kern *k, uint64_t features,
				    struct vsu_error *err) VSU_NODISCARD;

/*
 * Agrees on the features of the next start before it, for a device behind an
 * IOMMU: the kernel has to know where the device areas of its rings are
 * (vhost_kern_iotlb_update()) when they start. The codes of a start.
 */
VHOST_USER_API int vhost_kern_agree(struct vhost_kern *k, uint64_t features,
				    struct vsu_error *err) VSU_NODISCARD;

VHOST_USER_API bool vhost_kern_is_running(const struct vhost_kern *k);

/*
 * All rings are the caller's when it returns; each has to be described again.
 * bases, if not NULL, is told where they stand, as vq_base(); 0 for one that
 * did not run.
 */
VHOST_USER_API void vhost_kern_stop(struct vhost_kern *k,
				    uint32_t bases[VHOST_KERN_RINGS]);

/* ----------------------------------------------------------------- dirty log */

/*
 * Has the kernel note the pages that it stores to: a bit for each 4096 bytes
 * of guest memory, the lowest of a byte first, in len bytes at log, which has to
 * stay until it is switched off by NULL. event_fd, duplicated, is signalled
 * after stores; or -1. While rings run or not. -EINVAL: the log is too small for
 * the memory; -EOPNOTSUPP: the kernel cannot.
 */
VHOST_USER_API int vhost_kern_set_log(struct vhost_kern *k, void *log,
				      size_t len, int event_fd,
				      struct vsu_error *err) VSU_NODISCARD;

/* -------------------------------------------------------------- I/O addresses */

/*
 * A device behind an IOMMU, whose driver agreed on VQ_F_ACCESS_PLATFORM: rings
 * and buffers are I/O addresses then, and the kernel asks for what it misses.
 * The fd is readable when it does; it is k's, for as long as k lives.
 */
VHOST_USER_API int vhost_kern_fd(const struct vhost_kern *k);

/*
 * The next question: 1, with the address and the access (VMEM_READ, VMEM_WRITE);
 * 0: there is none; -EBADMSG: the kernel said something else.
 */
VHOST_USER_API int vhost_kern_iotlb_next(struct vhost_kern *k, uint64_t *iova,
					 uint32_t *access) VSU_NODISCARD;

/*
 * -EFAULT: the entry does not lie in one region of memory that was given;
 * -EOPNOTSUPP: the driver has not agreed.
 */
VHOST_USER_API int vhost_kern_iotlb_update(struct vhost_kern *k,
					   const struct vmem_iotlb_entry *entry,
					   struct vsu_error *err) VSU_NODISCARD;

/*
 * Takes back what the kernel was told of len bytes at iova, and of all entries
 * that reach into them. -EINVAL: no bytes, or beyond 2^64; -EOPNOTSUPP: the
 * driver has not agreed.
 */
VHOST_USER_API int vhost_kern_iotlb_invalidate(struct vhost_kern *k,
					       uint64_t iova, uint64_t len,
					       struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * VIRTIO shared memory regions over vhost-user, for both sides.
 *
 *   region    a window of guest addresses that belongs to the device, known
 *             by a shmid from 0 to 255; its size never changes
 *   mapping   a piece of a file that the back-end put at an offset of a
 *             region, read-only or writable; pieces never overlap
 *   hole      a part of a region without a mapping
 *
 * Front-end. Each mapping is a block of its own (vm-memory/block.h) inside an
 * address range that is reserved for the region, so that pieces that lie side
 * by side in the region lie side by side in this process too. Each
 * request of the back-end is checked first (the numbers, the one descriptor,
 * the size of its file, overlaps, the budgets of mappings and of bytes); those that pass are given to the owner
 * as changes, all of one dispatch at once, who makes them visible to the guest
 * and sets a result for each. The replies are sent when it returns.
 *
 * An unmapping is taken from the guest by the owner at once, but the back-end
 * has its answer only when the last reference to the block is gone: the owner
 * drops what it holds as soon as its requests in flight allow. Until then no
 * further request of that back-end's channel is read.
 *
 * A reset of the device, the end of the session and its freeing take every
 * mapping away: they come as changes like others, their results are ignored.
 * The end of the back-end channel alone leaves mappings as they are.
 *
 * Back-end. See vhost_user_backend_shmem_map(): a request is sent while a ring
 * runs and answered through ops->shmem_result in the order of the calls.
 *
 * Threads: confined, with the session, but for vhost_user_backend_shmem_post().
 */
#ifndef VHOST_SHMEM_H
#define VHOST_SHMEM_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_user_frontend;
struct vhost_user_backend;

/* Number of regions a device may have. */
#define VHOST_USER_SHMEM_REGIONS 256u

/*
 * One change, given to vhost_user_frontend_ops.shmem:
 *
 *	void (*shmem)(void *opaque, struct vhost_user_shmem_change *changes,
 *		      unsigned int n);
 *
 * Frozen.
 */
struct vhost_user_shmem_change {
	uint64_t offset, len;	/* bytes in the region, multiples of the page */
	struct vmem_block *block; /* the mapping, borrowed; VMEM_BLOCK_WRITE says
				   whether the guest may store to it */
	uint8_t shmid;
	bool map;		/* else unmap */
	int32_t result;		/* a negative errno refuses a mapping */
};

/* Bytes of a region, 0 when the device has none of that id. From READY. */
VHOST_USER_API uint64_t vhost_user_frontend_shmem_size(
		const struct vhost_user_frontend *f, uint8_t shmid);

/* A request to the front-end. Frozen. */
struct vhost_user_shmem_request {
	uint64_t offset, len;	/* in the region; multiples of the page */
	uint64_t fd_offset;	/* map: where in the file */
	int fd;			/* map: borrowed, open for reading and writing */
	uint8_t shmid;
	bool writable;		/* map: the guest may store to it */
};

/*
 * Asks the front-end to map or unmap. -EPROTO when no ring runs, -EOPNOTSUPP
 * when not negotiated (vhost_user_backend_config.shmem_sizes says which
 * regions the device has), -EAGAIN when too many are unanswered. The answer
 * comes as
 *
 *	void (*shmem_result)(void *opaque, uint64_t cookie, int result);
 *
 * with result 0 or -EREMOTEIO, the front-end refused, or -ECANCELED, the rings
 * stopped or the session ended first. A front-end that did not agree on
 * REPLY_ACK answers nothing: the call says 1 then, and shmem_result is not
 * called.
 */
VHOST_USER_API int vhost_user_backend_shmem_map(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;
VHOST_USER_API int vhost_user_backend_shmem_unmap(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;

/*
 * Between the two, requests without descriptors (those that unmap) are kept:
 * they leave together, by one system call, with the next one that has a
 * descriptor, with the release, or at the end of a dispatch. Inside a dispatch
 * that is so without asking.
 */
VHOST_USER_API void vhost_user_backend_shmem_hold(struct vhost_user_backend *b);
VHOST_USER_API void vhost_user_backend_shmem_release(
		struct vhost_user_backend *b);

/*
 * The same from the thread of a ring, between run and the answer to quiesce:
 * the request is left to the session's thread, and every outcome comes there as
 * shmem_result, with the codes of the calls above, too; 0 also where the
 * front-end answers nothing. The descriptor is duplicated. -EAGAIN when 64
 * requests wait, -EOPNOTSUPP when the device has no regions.
 */
VHOST_USER_API int vhost_user_backend_shmem_post(struct vhost_user_backend *b,
		bool map, const struct vhost_user_shmem_request *request,
		uint64_t cookie) VSU_NODISCARD;

VSU_END_DECLS

#endif

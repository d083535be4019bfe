/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * VIRTIO shared memory regions over vhost-user, for both sides.
 *
 *   region    a range of guest addresses that belongs to the device, identified
 *             by a shmid from 0 to 255; its size never changes
 *   mapping   a part of a file that the back-end mapped at an offset of a
 *             region, read-only or writable; mappings never overlap
 *   hole      a part of a region without a mapping
 *
 * Front-end. The session reserves one address range of this process per region.
 * Each mapping is a block (vm-memory/block.h) at the mapping's offset in that range,
 * so adjacent mappings are adjacent in this process.
 *
 * The session checks each request of the back-end: its offsets and length, that it
 * has one descriptor, the size of the file, overlaps, and the limits of mappings and
 * bytes. Valid requests of the same kind that arrive together are passed to the
 * owner in one call of ops->shmem. The owner applies each change to the guest
 * and sets its result. The replies are sent after the call returns.
 *
 * For an unmap, the owner removes the block from the guest's memory before the call
 * returns. It may keep references until requests that use the block have completed.
 * The session replies when the last reference is dropped, and reads no further
 * request of the back-end until then.
 *
 * A reset of the device, a disconnection and vhost_user_frontend_free() unmap
 * everything, by calls of ops->shmem whose results are ignored. If only the
 * back-end channel closes, the mappings stay.
 *
 * Back-end. vhost_user_backend_shmem_map() and _unmap() send requests while a
 * ring is started. ops->shmem_result reports their results in the order of the
 * calls.
 *
 * Threads: the session's, except vhost_user_backend_shmem_post().
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
 * A mapping or unmapping, passed to vhost_user_frontend_ops.shmem:
 *
 *	void (*shmem)(void *opaque, struct vhost_user_shmem_change *changes,
 *		      unsigned int n);
 *
 * Fixed layout.
 */
struct vhost_user_shmem_change {
	uint64_t offset, len;	/* bytes in the region, multiples of the page */
	struct vmem_block *block; /* the mapping, borrowed; with VMEM_BLOCK_WRITE
				   the guest may store to it */
	uint8_t shmid;
	bool map;		/* false: unmap */
	int32_t result;		/* set by the owner: 0; a negative errno refuses a
				   mapping */
};

/*
 * Size of a region in bytes, valid when the session is ready; 0: the device has
 * no region with this id.
 */
VHOST_USER_API uint64_t vhost_user_frontend_shmem_size(
		const struct vhost_user_frontend *f, uint8_t shmid);

/* A request to the front-end. Fixed layout. */
struct vhost_user_shmem_request {
	uint64_t offset, len;	/* in the region; multiples of the page */
	uint64_t fd_offset;	/* map: offset in the file; multiple of the page */
	int fd;			/* map: borrowed, open for reading and writing */
	uint8_t shmid;
	bool writable;		/* map: the guest may store to it */
};

/*
 * Request that the front-end maps or unmaps a part of a region. The regions are in
 * vhost_user_backend_config.shmem_sizes. An unmap ignores fd, fd_offset and
 * writable.
 *
 *   0            the operation shmem_result reports the result, with the cookie
 *   1            sent without REPLY_ACK: shmem_result is not called
 *   -EINVAL      no such region, or a range that is invalid
 *   -EPROTO      no ring is started
 *   -EOPNOTSUPP  the protocol feature was not negotiated, or the back-end
 *                channel is closed
 *   -EAGAIN      too many requests are unanswered
 *
 *	void (*shmem_result)(void *opaque, uint64_t cookie, int result);
 *
 * result 0: success; -EREMOTEIO: refused by the front-end; -ECANCELED: the
 * rings stopped or the session ended first.
 */
VHOST_USER_API int vhost_user_backend_shmem_map(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;
VHOST_USER_API int vhost_user_backend_shmem_unmap(struct vhost_user_backend *b,
		const struct vhost_user_shmem_request *request,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;

/*
 * Between hold and release, unmap requests are collected. One system call sends
 * them: with the next map request, at release, or at the end of a dispatch. Inside
 * a dispatch they are collected without hold.
 */
VHOST_USER_API void vhost_user_backend_shmem_hold(struct vhost_user_backend *b);
VHOST_USER_API void vhost_user_backend_shmem_release(
		struct vhost_user_backend *b);

/*
 * Requests a mapping (map) or an unmapping. The thread of a ring may call it from
 * run until the answer to quiesce. The descriptor is duplicated. The session's thread
 * sends the request and reports every outcome by shmem_result, including errors of
 * vhost_user_backend_shmem_map() and _unmap(). Without REPLY_ACK it reports 0 when
 * the request was sent. -EAGAIN: 64 posted requests wait to be sent; -EOPNOTSUPP: the
 * device has no regions or no shmem_result.
 */
VHOST_USER_API int vhost_user_backend_shmem_post(struct vhost_user_backend *b,
		bool map, const struct vhost_user_shmem_request *request,
		uint64_t cookie) VSU_NODISCARD;

VSU_END_DECLS

#endif

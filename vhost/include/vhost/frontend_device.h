/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a front-end in addition to those about rings: the dirty log of a
 * migration, and requests of particular devices. Replies arrive through the
 * session's ops (frontend.h).
 *
 * Errors: -EPROTO if the session is not ready or AWAY, -EOPNOTSUPP if the
 * protocol feature was not negotiated, -EAGAIN if too many requests are
 * unanswered.
 *
 * Threads: the session's.
 */
#ifndef VHOST_FRONTEND_DEVICE_H
#define VHOST_FRONTEND_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vhost/frontend.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* A region of the guest's memory, mapped by the back-end. Fixed layout. */
struct vhost_user_placed_region {
	uint64_t gpa, size;
	uint64_t address;	/* of its first byte, in the back-end's address space */
};

/*
 * Operations for requests of a back-end's device, and for replies to the calls
 * below. Called only from dispatch. A feature without its operations is not
 * negotiated.
 */
struct vhost_user_frontend_device_ops {
	size_t size;	/* sizeof(struct vhost_user_frontend_device_ops) */
	/*
	 * Objects that devices share, named by UUIDs of 16 bytes; the owner
	 * keeps the list. All three are required. The back-end exports an
	 * object (add), withdraws it (remove), or requests one (get), whose
	 * descriptor, in *fd, moves to the session. A negative errno refuses.
	 */
	int (*object_add)(void *opaque, const unsigned char *uuid);
	int (*object_remove)(void *opaque, const unsigned char *uuid);
	int (*object_lookup)(void *opaque, const unsigned char *uuid, int *fd);
	/*
	 * Result of get_object: 0 and the object, borrowed and of any kind, or
	 * a negative errno and -1.
	 */
	void (*object)(void *opaque, int result, int fd);
	/*
	 * A page through which the guest kicks this ring: one page at offset of
	 * fd, borrowed, to be mapped at the ring's place in the device's
	 * notification area, replacing a previous one; fd -1: remove it. A stop
	 * of the ring, a reset and the end of the session remove it too. A
	 * negative errno refuses.
	 */
	int (*host_notifier)(void *opaque, uint32_t ring, int fd,
			     uint64_t offset);
	/*
	 * Postcopy, see vhost_user_frontend_postcopy_advise(); all four are
	 * required. advised: 0 and the back-end's userfaultfd, borrowed, or a
	 * negative errno and -1. placed: n regions with the back-end's
	 * addresses; the back-end accesses them after the return, and its page
	 * faults must be served from then on.
	 */
	void (*postcopy_advised)(void *opaque, int result, int fd);
	void (*postcopy_listening)(void *opaque, int result);
	void (*postcopy_placed)(void *opaque,
				const struct vhost_user_placed_region *regions,
				unsigned int n);
	void (*postcopy_ended)(void *opaque, int result);
	/*
	 * In-band notifications, both are required: a ring without a call
	 * descriptor has used buffers; one without an error descriptor is
	 * broken.
	 */
	void (*called)(void *opaque, uint32_t ring);
	void (*ring_failed)(void *opaque, uint32_t ring);
	/*
	 * The back-end lacks a translation for an access (VMEM_READ,
	 * VMEM_WRITE) to this I/O address. 0: the owner calls
	 * vhost_user_frontend_iotlb_update(), here or later; a negative errno:
	 * denied. Required for ACCESS_PLATFORM.
	 */
	int (*iotlb_miss)(void *opaque, uint64_t iova, uint32_t access);
	/* Results of updates and invalidations, in the order of the calls. */
	void (*iotlb_done)(void *opaque, int result);
	/*
	 * The back-end reports an access that the translation of this I/O address
	 * does not permit: a mistake of the driver, which an IOMMU reports as a
	 * fault. A negative errno refuses the report; without this operation all
	 * are refused. Back-ends made with this library send no such reports:
	 * their device fails the request.
	 */
	int (*iotlb_access_fail)(void *opaque, uint64_t iova, uint32_t access);
};

/*
 * Sets the dirty log of a migration: size bytes at offset of fd, one bit per 4
 * KiB of guest memory; fd -1: disables it. The fd is duplicated. While RUNNING,
 * ops->log reports when it is in effect; before start it is part of the start.
 * It stays in effect over stops and reconnections. A longer log may replace it
 * at any time. Before you add memory beyond the end of the log, replace it by a longer
 * one.
 *
 *   -EOPNOTSUPP  the back-end does not support it
 *   -EINVAL      it is too short for the memory
 *   -EBUSY       a start, a stop or a change is in progress
 */
VHOST_USER_API int vhost_user_frontend_set_log(struct vhost_user_frontend *f,
					  int fd, uint64_t size,
					  uint64_t offset,
					  struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Stops the rings without waiting for requests in flight: the back-end leaves
 * them in the in-flight area, and executes them when the rings start again,
 * with it or with its replacement. Until then, or until a reset, no ring can be
 * described again. While RUNNING; ops->stopped reports the end.
 *
 * -EOPNOTSUPP: GET_VRING_BASE_SKIP_DRAIN or INFLIGHT_SHMFD was not negotiated. A
 * session negotiates them, and GET_VRING_BASE_INFLIGHT, only if its configuration names
 * them and the back-end offers them.
 */
VHOST_USER_API int vhost_user_frontend_park(struct vhost_user_frontend *f,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Kicks a ring by a message, if INBAND_NOTIFICATIONS was negotiated; rings need
 * no kick descriptor then. While RUNNING. -EINVAL: the ring was not described;
 * -EAGAIN: dispatch, and kick again.
 */
VHOST_USER_API int vhost_user_frontend_kick(struct vhost_user_frontend *f,
					    uint32_t ring,
					    struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Postcopy: the guest runs here before its memory has arrived, and an access to
 * a missing page blocks. The order is:
 *
 *   advise     in READY; the back-end sends its userfaultfd, whose events the
 *              owner reads from then on, best on a thread or in a process that
 *              blocks on nothing else
 *   listen     before the back-end has any memory
 *   ...        set memory and start rings as usual. ops->postcopy_placed reports
 *              a table's addresses before the back-end accesses it. Handle a
 *              fault by UFFDIO_COPY at that address, or by UFFDIO_WAKE if the
 *              shared file contains the page already
 *   end        everything has arrived
 *
 * No reconnection is attempted while listening: another back-end would read
 * zeros instead of missing pages. CONFIGURE_MEM_SLOTS is not negotiated
 * together with PAGEFAULT.
 *
 *   -EBUSY  listen: the back-end has memory; end: a memory change is in progress
 */
VHOST_USER_API int vhost_user_frontend_postcopy_advise(
		struct vhost_user_frontend *f, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_postcopy_listen(
		struct vhost_user_frontend *f, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_postcopy_end(
		struct vhost_user_frontend *f, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * For particular devices. Refusals of requests without a reply are reported by
 * ops->refused.
 *
 *   announce        a network device sends a RARP frame from this address of
 *                   6 bytes, for a guest that migrated here
 *   set_mtu         the MTU of a network device
 *   open_session    of a crypto device: algorithms and keys as struct
 *                   vhost_user_crypto_session; result by ops->session
 *   close_session   of a crypto device, by number
 *   set_gpu_socket  a GPU's socket to its display; the fd is borrowed
 *   move_state      a stopped device writes its state to the pipe fd, or
 *                   reads it from there (load), to the end of the stream; the
 *                   fd is borrowed; ops->state_moves is called immediately
 *   check_state     result of that, after the end of the stream, by
 *                   ops->state_moved
 *   get_object      an object exported by the back-end, by its UUID of 16
 *                   bytes; result by ops->device->object
 */
VHOST_USER_API int vhost_user_frontend_announce(struct vhost_user_frontend *f,
					   const unsigned char *mac,
					   struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_set_mtu(struct vhost_user_frontend *f,
					  uint16_t mtu, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_open_session(
		struct vhost_user_frontend *f, uint64_t op_code,
		const void *parameters, uint32_t len, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_close_session(
		struct vhost_user_frontend *f, uint64_t id,
		struct vsu_error *err) VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_set_gpu_socket(
		struct vhost_user_frontend *f, int sock, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_move_state(
		struct vhost_user_frontend *f, bool load, int fd,
		struct vsu_error *err) VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_check_state(
		struct vhost_user_frontend *f, struct vsu_error *err)
	VSU_NODISCARD;

VHOST_USER_API int vhost_user_frontend_get_object(
		struct vhost_user_frontend *f, const unsigned char *uuid,
		struct vsu_error *err) VSU_NODISCARD;

/*
 * A device behind an IOMMU, while rings run with ACCESS_PLATFORM: sends
 * translations of I/O addresses to guest memory (vm-memory/iotlb.h), and
 * invalidates them. An invalidated range is unused when ops->device->iotlb_done
 * reports it. Rings are described by I/O addresses, too. A replacement back-end
 * requests all translations again.
 *
 *   -EINVAL  an empty range or one that wraps, or no permission
 *   -EFAULT  it is outside the guest's memory
 */
struct vmem_iotlb_entry;
VHOST_USER_API int vhost_user_frontend_iotlb_update(
		struct vhost_user_frontend *f,
		const struct vmem_iotlb_entry *entry, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_iotlb_invalidate(
		struct vhost_user_frontend *f, uint64_t iova, uint64_t len,
		struct vsu_error *err) VSU_NODISCARD;

/* Drops the description of ring index. In READY. */
VHOST_USER_API int vhost_user_frontend_forget_ring(
		struct vhost_user_frontend *f, uint32_t index,
		struct vsu_error *err) VSU_NODISCARD;

/*
 * Keeps a write that the driver made to its configuration, without sending it: each
 * start sends it to the back-end, after the features and before the rings run. A
 * replacement of the back-end thus receives it too. A later write to the same bytes
 * replaces it. Use it for settings, not for commands. If the back-end refuses it,
 * ops->refused is called and the start continues. In any state; reset forgets all writes.
 * -EINVAL for more than 8 bytes, -ENOSPC for the ninth write.
 */
VHOST_USER_API int vhost_user_frontend_keep_config(struct vhost_user_frontend *f,
					      uint32_t off, const void *buf,
					      uint32_t len,
					      struct vsu_error *err)
	VSU_NODISCARD;
/* Forgets these writes. Call it when the driver has reset the device in any other way. */
VHOST_USER_API void vhost_user_frontend_forget_config(struct vhost_user_frontend *f);

/*
 * How often a back-end has continued with the state that its predecessor left behind the
 * in-flight area (backend_device.h). False: the area has no room for a state.
 */
VHOST_USER_API bool vhost_user_frontend_kept_loads(const struct vhost_user_frontend *f,
					      uint64_t *loads);

VSU_END_DECLS

#endif

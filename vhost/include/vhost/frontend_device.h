/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a front-end besides those about rings: to log what the back-end
 * stores, for a migration, and those that only some devices know. The answers
 * come to the ops of the session (frontend.h).
 *
 * Errors: -EPROTO where the session is not ready or AWAY, -EOPNOTSUPP where the
 * back-end lacks the protocol feature, -EAGAIN where very many requests are
 * unanswered.
 *
 * Threads: that of the session.
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

/* A region of the guest's memory, mapped by the back-end. Frozen. */
struct vhost_user_placed_region {
	uint64_t gpa, size;
	uint64_t address;	/* of its first byte, in the back-end's process */
};

/*
 * Operations for what a back-end's device asks of the owner, and for answers to
 * the calls below. Called from dispatch only.
 * A feature whose operations are left out is not agreed on with the back-end.
 */
struct vhost_user_frontend_device_ops {
	size_t size;	/* sizeof(struct vhost_user_frontend_device_ops) */
	/*
	 * Objects that devices share by a name of 16 bytes, and which the owner
	 * keeps account of; all three, or the back-end cannot ask. It has one
	 * now; it has it no more; it needs one, whose descriptor, in *fd, moves
	 * to the session. A negative errno refuses.
	 */
	int (*object_add)(void *opaque, const unsigned char *uuid);
	int (*object_remove)(void *opaque, const unsigned char *uuid);
	int (*object_lookup)(void *opaque, const unsigned char *uuid, int *fd);
	/*
	 * The answer to get_object: 0 and the object, borrowed and of any kind,
	 * or a negative errno and -1.
	 */
	void (*object)(void *opaque, int result, int fd);
	/*
	 * A page by which the guest kicks this ring: one page of memory at
	 * offset of fd, borrowed, to be mapped at the ring's place in the
	 * device's notification area instead of the former one; fd -1: none
	 * any more. It also ends with a stop of the ring, a reset and the
	 * session. A negative errno refuses.
	 */
	int (*host_notifier)(void *opaque, uint32_t ring, int fd,
			     uint64_t offset);
	/*
	 * Postcopy, see vhost_user_frontend_postcopy_advise(); all four, or it
	 * is not agreed on. advised: 0 and the back-end's userfaultfd, borrowed,
	 * or a negative errno and -1. placed: n regions as the back-end has them
	 * mapped; it touches them after the return, and from then on needs its
	 * page faults served.
	 */
	void (*postcopy_advised)(void *opaque, int result, int fd);
	void (*postcopy_listening)(void *opaque, int result);
	void (*postcopy_placed)(void *opaque,
				const struct vhost_user_placed_region *regions,
				unsigned int n);
	void (*postcopy_ended)(void *opaque, int result);
	/*
	 * Notifications in band, both or they are not agreed on: a ring without
	 * a call descriptor has used buffers; one without an error descriptor
	 * is broken.
	 */
	void (*called)(void *opaque, uint32_t ring);
	void (*ring_failed)(void *opaque, uint32_t ring);
	/*
	 * The back-end knows nothing of this I/O address and wants to access it
	 * (VMEM_READ, VMEM_WRITE). 0: vhost_user_frontend_iotlb_update() is
	 * called, here or later; a negative errno: it leads nowhere, or not so.
	 * Without it ACCESS_PLATFORM cannot be agreed on.
	 */
	int (*iotlb_miss)(void *opaque, uint64_t iova, uint32_t access);
	/* Answers to updates and invalidations, in the order of the calls. */
	void (*iotlb_done)(void *opaque, int result);
	/*
	 * An entry that the back-end has forbids this access, which its device
	 * needed: a fault of the driver's, as an IOMMU reports them. A negative
	 * errno refuses the news; without it all are refused. Back-ends of this
	 * library send none: the request fails by its own status.
	 */
	int (*iotlb_access_fail)(void *opaque, uint64_t iova, uint32_t access);
};

/*
 * The dirty log of a migration: size bytes at offset of fd, one bit for each
 * 4 KiB of guest addresses; fd -1: none any more. The fd is duplicated. While
 * RUNNING ops->log says when it is in force; before start it is part of that,
 * and it stays in force over stops and reconnections. A longer one may replace
 * it at any time, and has to before memory above it is added.
 *
 *   -EOPNOTSUPP  the back-end does not log
 *   -EINVAL      it is too short for the memory that was set
 *   -EBUSY       a start, a stop or a change is under way
 */
VHOST_USER_API int vhost_user_frontend_set_log(struct vhost_user_frontend *f,
					  int fd, uint64_t size,
					  uint64_t offset,
					  struct vsu_error *err)
	VSU_NODISCARD;

/*
 * A stop that does not wait for what the back-end has fetched: it leaves that in
 * the in-flight area, and does it when the rings start again, with it or with
 * the back-end that comes after it. Until they do, or the device is reset, no
 * ring can be described anew. While RUNNING; ops->stopped at its end.
 *
 * For back-ends that have GET_VRING_BASE_SKIP_DRAIN, and where the configuration
 * names INFLIGHT_SHMFD, GET_VRING_BASE_INFLIGHT and that one; or -EOPNOTSUPP.
 */
VHOST_USER_API int vhost_user_frontend_park(struct vhost_user_frontend *f,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Kicks a ring by a message, where the back-end agreed to that
 * (INBAND_NOTIFICATIONS): rings need no kick descriptor then. While RUNNING.
 * -EINVAL: the ring was not described; -EAGAIN: dispatch, and kick again.
 */
VHOST_USER_API int vhost_user_frontend_kick(struct vhost_user_frontend *f,
					    uint32_t ring,
					    struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Postcopy: the guest runs here before its memory has arrived from elsewhere,
 * and whoever touches a page that is missing waits for it. In this order:
 *
 *   advise     in READY; the back-end gives its userfaultfd, whose events the
 *              owner reads from then on, best on a thread or in a process that
 *              waits for nothing else
 *   listen     before it has any memory
 *   ...        memory is set and rings are started as ever; before the back-end
 *              touches a table's memory, ops->postcopy_placed says where it has
 *              it. A fault is answered by UFFDIO_COPY at that address, or by
 *              UFFDIO_WAKE where the page is in the shared file by now
 *   end        everything has arrived
 *
 * A back-end that is lost while it listens is not waited for: another one would
 * read zeros where pages are missing. CONFIGURE_MEM_SLOTS is not agreed on
 * beside the protocol feature of this, PAGEFAULT.
 *
 *   -EBUSY  listen: the back-end has memory; end: memory is being changed
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
 * For the devices that know them. Refusals of those without an answer of their
 * own are told through ops->refused.
 *
 *   announce        a network device sends a RARP frame from this address of
 *                   6 bytes, for a guest that moved here
 *   set_mtu         the largest frame of a network device
 *   open_session    of a crypto device: algorithms and keys as struct
 *                   vhost_user_crypto_session has them; ops->session answers
 *   close_session   ... by its number
 *   set_gpu_socket  a GPU's socket to who displays; the fd is borrowed
 *   move_state      a stopped device writes its state into the pipe fd, or
 *                   reads it from there (load), to the end of the stream; the
 *                   fd is borrowed; ops->state_moves answers at once
 *   check_state     how that went, when the stream has ended;
 *                   ops->state_moved answers
 *   get_object      an object that the back-end said it has, by its name of 16
 *                   bytes; ops->device->object answers
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
 * A device behind an IOMMU, while rings run with ACCESS_PLATFORM: I/O addresses
 * that lead to guest memory (vm-memory/iotlb.h), and those that do no more. What
 * is invalidated is used no more when ops->device->iotlb_done says so. Rings are
 * described by I/O addresses, too. A back-end that comes back asks for all again.
 *
 *   -EINVAL  a range of no bytes or that wraps, or no permission
 *   -EFAULT  it leads to no memory that was set
 */
struct vmem_iotlb_entry;
VHOST_USER_API int vhost_user_frontend_iotlb_update(
		struct vhost_user_frontend *f,
		const struct vmem_iotlb_entry *entry, struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_iotlb_invalidate(
		struct vhost_user_frontend *f, uint64_t iova, uint64_t len,
		struct vsu_error *err) VSU_NODISCARD;

/* As if ring index had never been described. In READY. */
VHOST_USER_API int vhost_user_frontend_forget_ring(
		struct vhost_user_frontend *f, uint32_t index,
		struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif

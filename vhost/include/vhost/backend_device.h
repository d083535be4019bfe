/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a back-end to its front-end, except configuration and shared
 * memory (backend.h, shmem.h). Each is sent immediately over the back-end
 * channel. Results arrive in the order of the calls by the operation
 *
 *	void (*answered)(void *opaque, uint64_t cookie, int result, int fd);
 *
 * of vhost_user_backend_ops, which is required for these features. Result 0:
 * success; -EREMOTEIO: refused by the front-end; -ECANCELED: the rings stopped
 * or the session ended first. Without REPLY_ACK only lookups have a reply; the
 * other calls then return 1, and answered is not called.
 *
 * Errors: -EOPNOTSUPP if the protocol feature was not negotiated, -EPROTO if no
 * ring is started (a suspended device must not send), -EAGAIN if too many
 * requests are unanswered.
 *
 * The functions at the end concern single rings; few owners need them.
 *
 * Threads: the session's, except vhost_user_backend_missed().
 */
#ifndef VHOST_BACKEND_DEVICE_H
#define VHOST_BACKEND_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vhost/backend.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Objects that devices of one machine share, named by a UUID of 16 bytes whose
 * first three fields are big-endian; usually buffers of a GPU. The exporting
 * device announces an object (add), provides it on request (get_shared_object
 * of the ops), and withdraws it (remove). Another device requests the object
 * from the front-end (lookup). The result of a lookup contains a descriptor,
 * which the owner closes. It may be of any kind: check it by
 * vsu_foreign_kind().
 */
VHOST_USER_API int vhost_user_backend_object_add(struct vhost_user_backend *b,
					    const unsigned char *uuid,
					    uint64_t cookie,
					    struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_backend_object_remove(
		struct vhost_user_backend *b, const unsigned char *uuid,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;
VHOST_USER_API int vhost_user_backend_object_lookup(
		struct vhost_user_backend *b, const unsigned char *uuid,
		uint64_t cookie, struct vsu_error *err) VSU_NODISCARD;

/*
 * Passes a page of fd, at offset, to the front-end: the guest kicks the ring by
 * a store to this page, without an exit, as with the doorbell of a hardware
 * queue. fd is borrowed; fd -1 removes the page. When the ring stops, the page
 * is removed as well.
 */
VHOST_USER_API int vhost_user_backend_host_notifier(
		struct vhost_user_backend *b, uint32_t ring, int fd,
		uint64_t offset, uint64_t cookie, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * vq_pop() failed with -EAGAIN: the device is behind an IOMMU, and an I/O
 * address is not mapped yet. On the ring's thread.
 *
 *   0  the translation was requested from the front-end: do not serve the ring
 *      until run is called again
 *   1  the front-end denied the address: serve the ring immediately; vq_pop()
 *      then returns the chain with a fault
 */
VHOST_USER_API int vhost_user_backend_missed(struct vhost_user_backend *b,
					uint32_t ring) VSU_NODISCARD;

/*
 * Keeps the ring's kick descriptor valid beyond the answer to quiesce, so that the
 * owner can leave it in its epoll. Call it inside quiesce. True: the message changes
 * only memory, and the descriptor stays valid until the ring's next quiesce, which is
 * called even if the ring does not run by then. Ignore kicks until run is called, and
 * serve the ring in run. False: the descriptor may be closed after the answer.
 */
VHOST_USER_API bool vhost_user_backend_keep_kick(struct vhost_user_backend *b,
						 uint32_t ring) VSU_NODISCARD;

/*
 * With config->kept_size and the operation kept, the file of an in-flight area also has
 * room for the device's own state. Front-ends pass it on with the area, unread, to the
 * back-end that replaces this one. kept is called when such a file arrives, while no ring
 * runs, with memory of kept_size bytes, zeroed at first; and with NULL before that memory
 * is unmapped, except by vhost_user_backend_free(). Other processes can write to it.
 *
 * The owner that continues with the state found there reports it by this call, so that
 * the front-end knows.
 */
VHOST_USER_API void vhost_user_backend_kept_loaded(struct vhost_user_backend *b);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a back-end to its front-end besides those about configuration and
 * shared memory (backend.h, shmem.h). Each is sent at once, over the back-end
 * channel, and answered in the order of the calls, by
 *
 *	void (*answered)(void *opaque, uint64_t cookie, int result, int fd);
 *
 * of vhost_user_backend_ops, without which none is offered. Result 0: it is
 * done; -EREMOTEIO: the front-end refused; -ECANCELED: the rings stopped or the
 * session ended first. A front-end that did not agree on REPLY_ACK answers
 * lookups alone: the other calls say 1 then, and no answer comes.
 *
 * Errors: -EOPNOTSUPP when the protocol feature was not agreed on, -EPROTO when
 * no ring is started (the device is suspended, and must be silent), -EAGAIN
 * when too many requests are unanswered.
 *
 * And what of a ring only few owners need, at the end.
 *
 * Threads: that of the session, but for vhost_user_backend_missed().
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
 * Objects that devices of one machine share by a name of 16 bytes, a UUID whose
 * first three fields are big-endian; a buffer of a GPU's as a rule. Who has one
 * says so (add), gives it when it is asked (get_shared_object of the ops), and
 * says when it is gone (remove). Who needs one asks the front-end for it
 * (lookup): the answer has its descriptor, which moves to the owner, and which
 * may be of any kind: vsu_foreign_kind() tells.
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
 * A page by which the guest kicks the ring without leaving its CPU, as devices
 * of hardware have one for each queue: that at offset of fd, which is borrowed;
 * fd -1: there is none any more. It is forgotten when the ring stops.
 */
VHOST_USER_API int vhost_user_backend_host_notifier(
		struct vhost_user_backend *b, uint32_t ring, int fd,
		uint64_t offset, uint64_t cookie, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * A turn of the ring ended with -EAGAIN of vq_pop(): the device is behind an
 * IOMMU, and an I/O address is not known yet. On the ring's thread.
 *
 *   0  the front-end is asked: leave the ring until run is called again
 *   1  it said that the address leads nowhere: look at once, vq_pop() gives the
 *      chain with a fault now
 */
VHOST_USER_API int vhost_user_backend_missed(struct vhost_user_backend *b,
					uint32_t ring) VSU_NODISCARD;

/*
 * Inside quiesce, of a ring that it is about. True: the message changes memory
 * and no more, and the ring's kick descriptor is good up to the next quiesce of
 * the ring, which comes before the descriptor goes even if the ring does not run
 * by then. Whoever waits for kicks by an epoll need not give that up and begin
 * anew. A kick meanwhile is for nobody: run has the ring looked at.
 */
VHOST_USER_API bool vhost_user_backend_keep_kick(struct vhost_user_backend *b,
						 uint32_t ring) VSU_NODISCARD;

VSU_END_DECLS

#endif

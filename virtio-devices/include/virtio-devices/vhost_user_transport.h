/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device that a vhost-user back-end serves (vhost_user.h) behind its transport
 * (transport.h): a server with the interface of the one for devices of this process
 * (inline.h). The device can be paused, saved, loaded and resumed (VIRTIO 1.3 has no
 * messages for this; vhost-user has GET_VRING_BASE and SET_DEVICE_STATE_FD), and its driver
 * need not know that a back-end is replaced.
 *
 *   activate   starts the queues that the driver set up; without a connected back-end, the
 *              next one gets them
 *   pause      stops the queues, and keeps their positions
 *   collect    reads the state that the back-end itself keeps (DEVICE_STATE)
 *   take       the state of the device, its transport and its queues, as bytes
 *   load       the opposite, behind another session
 *   resume     starts the queues where they stopped
 *
 * Waiting: as in vhost_user.h; a dispatch also continues operations of these functions.
 *
 * Threads: confined, together with transport and device.
 */
#ifndef VIRTIO_DEVICES_VHOST_USER_TRANSPORT_H
#define VIRTIO_DEVICES_VHOST_USER_TRANSPORT_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/transport.h>
#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_user_placed_region;
struct vhost_user_ring;

/*
 * Descriptors of a queue, as in struct vhost_user_ring. The owner calls
 * virtdev_transport_interrupt() when call_fd is readable, and
 * virtdev_transport_needs_reset() for err_fd. Fixed layout.
 */
struct virtdev_vhost_user_queue {
	int kick_fd, call_fd, err_fd;
};

/*
 * Makes r the server of its device behind t, until r is freed; after ops->ready. queues has
 * an entry for each queue of the device and is copied. t and the descriptors are borrowed
 * and outlive r.
 *
 * From then on r reports to the transport: changes of the configuration, completed resets,
 * and DEVICE_NEEDS_RESET when the session fails, or a back-end is replaced that had the
 * only copy of what the driver needs. r has defaults for the callbacks of the transport
 * that its owner does not set (activate, reset, notify, queue_reset, queue_start).
 *
 * -EINVAL: t is not a transport of this device; -EBUSY: t or the device has a server.
 */
VIRTDEV_API int virtdev_vhost_user_attach(struct virtdev_vhost_user *r,
		struct virtdev_transport *t,
		const struct virtdev_vhost_user_queue *queues,
		struct vsu_error *err) VSU_NODISCARD;

/*
 * The ring of a queue as the driver set it up, with those descriptors: for
 * virtdev_vhost_user_start_queue() and virtdev_vhost_kern_start(). size 0: not set up.
 */
VIRTDEV_API void virtdev_transport_describe_ring(const struct virtdev_transport *t,
		uint32_t queue, const struct virtdev_vhost_user_queue *fds,
		struct vhost_user_ring *ring);

/*
 * For an owner's own activate, whose arguments and result it has. Without a connected
 * back-end it succeeds, and the queues start later. Its reset calls
 * virtdev_vhost_user_stop(), and returns 1 if that returns 0. -ECONNRESET: the session has
 * failed; -EBUSY: the device is paused; else as virtdev_vhost_user_start().
 */
VIRTDEV_API int virtdev_vhost_user_activate(struct virtdev_vhost_user *r,
					    uint64_t features,
					    struct vsu_error *err) VSU_NODISCARD;

/*
 * Pauses the device without a reset: the back-end completes the requests that it has
 * popped, and keeps its state. Until resume, the caller passes no access of the driver to
 * the transport. 0: paused. -EAGAIN: dispatch and call it again, or resume. -ENOTCONN: the
 * back-end is disconnected; -ECONNRESET: the session has failed; -EINVAL: no transport.
 *
 * Resume starts the queues where they stopped; without a connected back-end, the next one
 * starts them. It cancels a pause that is not complete. If the queues cannot start, it
 * returns an errno and requests a reset from the driver. Both functions drop a collected
 * state.
 */
VIRTDEV_API int virtdev_vhost_user_pause(struct virtdev_vhost_user *r)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_vhost_user_resume(struct virtdev_vhost_user *r,
					  struct vsu_error *err) VSU_NODISCARD;

/*
 * Whether the device can be saved. -ENOTCONN: the back-end is disconnected. -EOPNOTSUPP: it
 * keeps state without the protocol feature DEVICE_STATE, or has shared memory regions.
 */
VIRTDEV_API int virtdev_vhost_user_check_save(const struct virtdev_vhost_user *r,
					      struct vsu_error *err) VSU_NODISCARD;

/*
 * Reads the back-end's own state, if it keeps any; call it for a paused device before take.
 * -EAGAIN: dispatch and call it again. -ETIMEDOUT: the back-end sent nothing for ten
 * seconds; -EFBIG: more than VIRTDEV_STATE_MAX; -EBUSY: the device is not paused; else the
 * failure that the back-end reported.
 */
VIRTDEV_API int virtdev_vhost_user_collect(struct virtdev_vhost_user *r,
					   struct vsu_error *err) VSU_NODISCARD;

/*
 * Stores the state of a paused device, its transport, its register interface and its
 * queues, with the collected state of the back-end, in *len bytes, to be freed by free().
 * Codes of virtdev_transport_take().
 *
 * Load the state into a device of the same kind behind the same kind of register interface.
 * Blocks until the back-end has loaded its own part, up to a minute without progress. On
 * success the device is paused; the guest must have the same memory when it resumes. The
 * bytes are untrusted. Codes of virtdev_transport_load(); -EBUSY also if the device was
 * paused or waits for a back-end; else the failure that the back-end reported.
 */
VIRTDEV_API int virtdev_vhost_user_take(const struct virtdev_vhost_user *r,
					void **bytes, size_t *len,
					struct vsu_error *err) VSU_NODISCARD;
VIRTDEV_API int virtdev_vhost_user_load(struct virtdev_vhost_user *r,
					const void *bytes, size_t len,
					struct vsu_error *err) VSU_NODISCARD;

/*
 * For a migration: the pages that the back-end writes, as bits in a file of size bytes
 * (SET_LOG_BASE). Set the log while the device is paused: it begins with the next start of
 * the queues, also behind another back-end. fd -1 ends it at any time; a session that is
 * busy or disconnected ends it in a later dispatch. fd is duplicated. -EOPNOTSUPP of check:
 * the back-end has no log (LOG_ALL, LOG_SHMFD). Codes of vhost_user_frontend_set_log().
 */
VIRTDEV_API int virtdev_vhost_user_check_log(const struct virtdev_vhost_user *r,
					     struct vsu_error *err) VSU_NODISCARD;
VIRTDEV_API int virtdev_vhost_user_set_log(struct virtdev_vhost_user *r, int fd,
					   uint64_t size, struct vsu_error *err)
	VSU_NODISCARD;

/* Post-copy: the owner serves the page faults of the back-end. */
struct virtdev_vhost_user_faults {
	/*
	 * Serves the page faults of a userfaultfd, which the back-end has sent; owns it on
	 * success. *number is for place.
	 */
	int (*add)(void *opaque, int fd, unsigned int *number, struct vsu_error *err);
	/* The back-end's addresses, in place of previous ones; it uses them after the return. */
	int (*place)(void *opaque, unsigned int number,
		     const struct vhost_user_placed_region *regions, unsigned int n);
	/* Once after add: the back-end does not wait for pages any more. */
	void (*ended)(void *opaque);
	void *opaque;
};

/*
 * For post-copy at the destination of a migration (POSTCOPY_ADVISE, _LISTEN and _END), with
 * config->postcopy. advise: the back-end must be able to wait for missing pages. listen:
 * before the device is resumed; 1: the back-end uses memory that has not arrived, and
 * to->ended follows; 0: it was not advised. to is copied. end: all memory has arrived, or
 * will not be missing. The first two block for a reply. -EOPNOTSUPP: the back-end lacks
 * PAGEFAULT; -ECONNRESET: it was lost.
 */
VIRTDEV_API int virtdev_vhost_user_postcopy_advise(struct virtdev_vhost_user *r,
						   struct vsu_error *err) VSU_NODISCARD;
VIRTDEV_API int virtdev_vhost_user_postcopy_listen(struct virtdev_vhost_user *r,
		const struct virtdev_vhost_user_faults *to, struct vsu_error *err)
	VSU_NODISCARD;
VIRTDEV_API void virtdev_vhost_user_postcopy_end(struct virtdev_vhost_user *r);

/* The fate of the driver's settings other than queues, behind a replacement back-end. */
enum virtdev_vhost_user_settings {
	/* the configuration was written again; there are no others */
	VIRTDEV_VHOST_USER_SETTINGS_REPEATED,
	/* the back-end continues with the state of the previous one */
	VIRTDEV_VHOST_USER_SETTINGS_KEPT,
	/* a file system's: the back-end may have kept them, and does not report it */
	VIRTDEV_VHOST_USER_SETTINGS_UNKNOWN,
	/* they are lost: the driver is asked for a reset */
	VIRTDEV_VHOST_USER_SETTINGS_RESET,
};

/* At the last ops->back of a device behind a transport. */
VIRTDEV_API enum virtdev_vhost_user_settings virtdev_vhost_user_settings(
		const struct virtdev_vhost_user *r);

VSU_END_DECLS

#endif

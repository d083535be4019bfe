/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The server of a device's queues behind a transport (transport.h): one interface of
 * three servers.
 *
 *   inline       the process of the VMM serves the queues (inline.h)
 *   kernel       the Linux kernel serves them (vhost_kern.h)
 *   vhost-user   another process serves them (vhost_user.h)
 *
 * The server implements the callbacks of the transport that its owner does not set:
 *
 *   activate     starts the queues that the driver set up; virtdev_report() reports the
 *                reason of a failure
 *   reset        stops all queues and resets the device; while requests are in flight the
 *                reset takes time, and a dispatch completes it
 *   notify       signals the queue's kick
 *   queue_reset  stops one queue; VQ_F_RING_RESET is offered if the register interface
 *                supports it
 *   queue_start  starts that queue again
 *
 * Interrupts, changes of the configuration and broken queues go to the transport.
 *
 * Waiting: virtdev_server_fd() never changes; when it is readable, call
 * virtdev_server_dispatch(), which never blocks, unless the device's queues block
 * (virtdev_queue_blocks()). A driver may assume that its reset is complete when its
 * store to the status returns (virtio-mmio). If virtdev_transport_is_resetting() after
 * such a store, resume the guest's CPU only in the transport's reset_finished.
 *
 * Threads: confined, together with transport and device.
 */
#ifndef VIRTIO_DEVICES_SERVER_H
#define VIRTIO_DEVICES_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/transport.h>
#include <virtio-queue/queue.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_server;
struct vhost_user_placed_region;

/*
 * Descriptors of a queue that another process or the kernel serves. The owner calls
 * virtdev_transport_interrupt() when call_fd is readable, and
 * virtdev_transport_needs_reset() for err_fd. The kernel does not use kick_fd. Fixed layout.
 */
struct virtdev_server_queue {
	int kick_fd, call_fd, err_fd;
};

/* The owner of a server in another process or the kernel. */
struct virtdev_server_owner {
	size_t size;		/* sizeof(struct virtdev_server_owner) */
	/* an entry for each queue of the device, copied; the descriptors are borrowed */
	const struct virtdev_server_queue *queues;
	/*
	 * Queues are about to start; the owner may set a map of the guest's memory first. A
	 * negative result fails the start. NULL: no callback.
	 */
	int (*starting)(void *opaque, struct vsu_error *err);
	void *opaque;
};

/*
 * Detaches the server from the transport. The kernel's queues are stopped; those of a
 * back-end run until virtdev_vhost_user_free(), which calls this function. For an inline
 * server, call it after virtdev_server_stop() has returned 0.
 */
VIRTDEV_API void virtdev_server_free(struct virtdev_server *s);

VIRTDEV_API int virtdev_server_fd(const struct virtdev_server *s);
VIRTDEV_API void virtdev_server_dispatch(struct virtdev_server *s);

/*
 * The eventfd by which the driver notifies a queue; queues that are rarely notified may
 * have the same one. Borrowed. -EINVAL: the device lacks that queue.
 */
VIRTDEV_API int virtdev_server_kick_fd(const struct virtdev_server *s, uint32_t queue);

/*
 * The guest's memory changed. Queues of the inline server release the previous map of their
 * space, and map may be NULL; else codes of vhost_kern_set_memory() and
 * vhost_user_frontend_set_memory().
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_set_memory(struct virtdev_server *s,
							struct vmem_map *map,
							struct vsu_error *err);

/*
 * Stops all queues. -EAGAIN until all started requests are finished: dispatch and call it
 * again. 0: no queue runs, and a reset that took time is complete. Another errno: not
 * finished either, and no timer could be armed, so virtdev_server_fd() will not signal
 * when to call it again: call it after a while.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_stop(struct virtdev_server *s);

/*
 * Ends the use of the guest's memory at once: the kernel's queues stop, a session with a
 * back-end fails with that reason. The driver has to reset the device. -EOPNOTSUPP: an
 * inline server, which has to wait for the host.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_fail(struct virtdev_server *s,
						  const struct vsu_error *why);

/*
 * The number of chains of a queue that had a buffer outside of guest memory, since the
 * creation, and the fault of the last one (all zero: none); last may be NULL. 0 and none
 * for a queue that the device lacks or that this process does not serve.
 */
VIRTDEV_API uint64_t virtdev_server_faults(const struct virtdev_server *s, uint32_t queue,
					   struct vq_fault *last);

/* ------------------------------------------------------------ pause, save and load */

/*
 * Whether the device can be saved. -ENOTCONN: its back-end is disconnected. -EOPNOTSUPP: the
 * back-end keeps state without the protocol feature DEVICE_STATE, or has shared memory regions.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_check_save(const struct virtdev_server *s,
							struct vsu_error *err);

/*
 * Pauses the device without a reset: the server completes the requests that it has popped.
 * Until resume, the caller passes no access of the driver to the transport. saves: also
 * reads the state that a back-end itself keeps (DEVICE_STATE), for take. 0: paused. -EAGAIN:
 * dispatch and call it again, or resume. -ENOTCONN: the back-end is disconnected;
 * -ECONNRESET: its session has failed; -ETIMEDOUT: it has sent no state for ten seconds;
 * -EFBIG: its state is larger than VIRTDEV_STATE_MAX; else the failure that it reported, or
 * as virtdev_server_stop().
 *
 * Resume starts the queues where they stopped; without a connected back-end, the next one
 * starts them. Queues that have not stopped yet continue. If the queues cannot start, it
 * returns an errno and requests a reset from the driver; virtdev_report() reports the reason.
 * During a reset it only ends the pause. Both drop the state that was read before.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_pause(struct virtdev_server *s, bool saves,
						   struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_server_resume(struct virtdev_server *s,
						    struct vsu_error *err);

/*
 * Stores the state of a paused device, its transport, its register interface and its queues
 * in *len bytes, to be freed by free(). -EBUSY: a queue runs; further errors as
 * virtdev_state_take().
 *
 * Load the state into the server of a device of the same kind behind the same kind of
 * register interface. Blocks until a back-end has loaded its own part, up to a minute
 * without progress. -EBUSY: a driver has already changed the transport. On success the
 * device is paused; the guest must have the same memory when it resumes. The bytes are
 * untrusted: if they are invalid, it returns -EBADMSG or -EOPNOTSUPP, and the device is as
 * after a reset.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_take(struct virtdev_server *s, void **bytes,
						  size_t *len, struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_server_load(struct virtdev_server *s, const void *bytes,
						  size_t len, struct vsu_error *err);

/* ---------------------------------------------------------------------- migration */

/* A dirty log: one bit per 4096 bytes of guest memory, lowest bit of a byte first. */
struct virtdev_server_log {
	void *words;		/* of the kernel: stays valid until the log ends */
	int fd;			/* of a back-end: the same bits in a file, which is duplicated */
	uint64_t size;		/* bytes */
};

/*
 * The pages that the server writes, unless vm-memory's bitmaps have them (inline). Set the
 * log while the device is paused: it begins with the next start of the queues, also behind
 * another back-end. log NULL ends it at any time; a session that is busy or disconnected
 * ends it in a later dispatch. -EOPNOTSUPP of check: the server has no log. Codes of
 * vhost_kern_set_log() and vhost_user_frontend_set_log().
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_check_log(const struct virtdev_server *s,
						       struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_server_set_log(struct virtdev_server *s,
						     const struct virtdev_server_log *log,
						     struct vsu_error *err);

/* Serves the page faults of a back-end. */
struct virtdev_page_faults {
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
 * Post-copy at the destination of a migration (POSTCOPY_ADVISE, _LISTEN and _END of
 * vhost-user); no effect on an inline server. advise: the server must be able to wait for
 * missing pages. listen: before the device is resumed; 1: the server uses memory that has
 * not arrived, and to->ended follows; 0: it does not. to is copied. end: all memory has
 * arrived, or will not be missing. The first two block for a reply. -EOPNOTSUPP: the kernel,
 * or a back-end without PAGEFAULT; -ECONNRESET: it was lost.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_server_postcopy_advise(struct virtdev_server *s,
							     struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_server_postcopy_listen(struct virtdev_server *s,
		const struct virtdev_page_faults *to, struct vsu_error *err);
VIRTDEV_API void virtdev_server_postcopy_end(struct virtdev_server *s);

VSU_END_DECLS

#endif

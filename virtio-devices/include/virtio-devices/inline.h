/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A server for a device in a VMM: the process of the VMM serves the device's queues,
 * behind a transport (transport.h). For queues that another process serves, see
 * vhost_user.h.
 *
 *   dispatch  a bounded turn: serves kicks and the host's answers, and completes
 *             resets
 *   kick      an eventfd per queue, or one for all queues that are rarely notified
 *             (queue_is_rare of device.h), which serves all of them: an ioeventfd of
 *             KVM signals it, or the transport's notify
 *   stop      pops no new requests; dispatch completes the started ones
 *
 * The server has defaults for the callbacks of the transport that the owner does not set:
 *
 *   activate     starts the queues that the driver set up; virtdev_report() reports
 *                the reason of a failure
 *   reset        stops all queues, then empties the regions, then resets the
 *                device; while requests are in flight the reset takes time, and a
 *                dispatch completes it
 *   notify       signals the queue's kick
 *   queue_reset  stops one queue; VQ_F_RING_RESET is offered if the register interface
 *                supports it
 *   queue_start  starts that queue again
 *
 * An owner sets these callbacks only if it has work of its own to do in them. Then its
 * activate calls virtdev_inline_start(), and its reset calls virtdev_inline_stop(). If
 * stop returns -EAGAIN, the owner's reset returns 1. The owner then calls stop after
 * each dispatch until it returns 0, and then virtdev_transport_reset_done().
 *
 * The device's interrupts, changes of its configuration and broken queues go to
 * the transport.
 *
 * Waiting: virtdev_inline_fd() never changes; when it is readable, call
 * virtdev_inline_dispatch(), which never blocks, unless the device's queues block
 * (virtdev_queue_blocks()). A driver may assume that its reset is complete when its
 * store to the status returns (virtio-mmio). If virtdev_transport_is_resetting() after
 * such a store, resume the guest's CPU only in the transport's reset_finished.
 *
 * Threads: confined, together with its transport and device.
 */
#ifndef VIRTIO_DEVICES_INLINE_H
#define VIRTIO_DEVICES_INLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/transport.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_inline;
struct virtdev_queue_position;

/*
 * Transport and space are borrowed and outlive the server. -EBUSY: the transport, or its
 * device, has another server, which is unchanged; -EINVAL: space is NULL.
 *
 * Functions with a queue's number return -EINVAL, without effect, if the device lacks
 * that queue.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_new(struct virtdev_transport *t,
						 struct vmem_space *space,
						 struct virtdev_inline **out,
						 struct vsu_error *err);

/* Call it after virtdev_inline_stop() has returned 0. */
VIRTDEV_API void virtdev_inline_free(struct virtdev_inline *h);

/*
 * For an owner's own activate. If a queue fails to start, the queues before it keep
 * running until the driver resets the device. err names the queue and the cause,
 * usually a mistake of the driver (an area that is unaligned or outside of memory),
 * or a failure of the host.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_start(struct virtdev_inline *h,
						   struct vsu_error *err);

VIRTDEV_API int virtdev_inline_fd(const struct virtdev_inline *h);
VIRTDEV_API void virtdev_inline_dispatch(struct virtdev_inline *h);

/*
 * -EAGAIN until all started requests are finished: dispatch and call it again. 0: no
 * queue runs, and a reset that took time is complete. Another errno: not finished
 * either, and no timer could be armed, so virtdev_inline_fd() will not signal when to call
 * it again: call it after a while.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_stop(struct virtdev_inline *h);

/*
 * Sets the callbacks by which the owner provides memory for the device's shared memory
 * regions: region_change and region_address of ops (device.h). ops is copied.
 * Before a reset is complete, and in virtdev_inline_free(), region_change unmaps the
 * whole of each region without VIRTDEV_REGION_APART.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_set_regions(
		struct virtdev_inline *h, const struct virtdev_server_ops *ops,
		void *opaque);

/*
 * For the operations queue_reset and queue_start of an owner's transport, which return the
 * results. Reset returns 1 if requests are in flight: a dispatch then completes the reset
 * and calls virtdev_transport_queue_reset_done().
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_reset_queue(
		struct virtdev_inline *h, uint32_t queue);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_start_queue(
		struct virtdev_inline *h, uint32_t queue,
		struct vsu_error *err);

/*
 * Pauses the device. Until resume, the caller passes no access of the driver to the
 * transport. -EAGAIN: popped requests are in flight, so dispatch and call it again, or
 * resume; errors as virtdev_inline_stop(). Resume starts the queues where they stopped;
 * queues that have not stopped yet continue. If that fails, it returns an errno and
 * requests a reset from the driver. During a reset it only ends the pause.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_pause(struct virtdev_inline *h);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_resume(struct virtdev_inline *h);

/*
 * Stores the state of a paused device, its transport, its register interface and its
 * queues in *len bytes, to be freed by free(). -EBUSY: a queue runs; further errors as
 * virtdev_state_take().
 *
 * Load the state into the server of a device of the same kind behind the same kind of
 * register interface. -EBUSY: a driver has already changed the transport. On success
 * the device is paused; the guest must have the same memory when it resumes. The bytes
 * are untrusted: if they are invalid, it returns -EBADMSG or -EOPNOTSUPP, and the
 * device is as after a reset.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_take(struct virtdev_inline *h,
						  void **bytes, size_t *len,
						  struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_load(struct virtdev_inline *h,
						  const void *bytes, size_t len,
						  struct vsu_error *err);

/*
 * For an owner that passes queues of the device to the kernel: the position of such a
 * queue, which virtdev_inline_take() stores and virtdev_inline_load() sets. Before
 * virtdev_inline_resume(), clear the member runs of each of them, or this process serves
 * it. The device is paused.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_set_position(
		struct virtdev_inline *h, uint32_t queue,
		const struct virtdev_queue_position *position);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_get_position(
		const struct virtdev_inline *h, uint32_t queue,
		struct virtdev_queue_position *position);

/* Call it after a change of the guest memory: queues release the previous map. */
VIRTDEV_API void virtdev_inline_refresh(struct virtdev_inline *h);

/*
 * The number of chains of a queue that had a buffer outside of guest memory, since the
 * creation, and the fault of the last one (all zero: none); last may be NULL. 0 and none
 * for a queue that the device lacks.
 */
VIRTDEV_API uint64_t virtdev_inline_faults(const struct virtdev_inline *h,
					   uint32_t queue, struct vq_fault *last);

/* The eventfd of a queue; queues that are rarely notified have the same one. Borrowed. */
VIRTDEV_API int virtdev_inline_kick_fd(const struct virtdev_inline *h,
				       uint32_t queue);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A server for a device in a VMM: this process serves the device's queues, behind a
 * transport (transport.h). In vhost_user.h another process serves them.
 *
 *   dispatch  a bounded turn: serves kicks and the host's answers, and completes
 *             resets
 *   kick      one eventfd per queue: an ioeventfd of KVM signals it, or the
 *             transport's notify
 *   stop      takes no new requests; dispatches finish the started ones
 *
 * The server does the work of the transport's callbacks that the owner leaves NULL:
 *
 *   activate     starts the queues that the driver set up; virtdev_report() has the
 *                reason of a failure
 *   reset        stops all queues, then empties the regions, then resets the
 *                device; while requests are in flight the reset takes time, and a
 *                dispatch completes it
 *   notify       signals the queue's kick
 *   queue_reset  VQ_F_RING_RESET is offered where the registers support it
 *   queue_start
 *
 * An owner needs these callbacks only for work of its own. Its activate then calls
 * virtdev_inline_start(). Its reset calls virtdev_inline_stop() and returns 1 for
 * -EAGAIN; after each dispatch it calls stop again until 0, and then
 * virtdev_transport_reset_done().
 *
 * The device's interrupts, changes of its configuration and broken queues go to
 * the transport.
 *
 * Waiting: virtdev_inline_fd() never changes; while it is readable there is
 * something to do for virtdev_inline_dispatch(), which never blocks (unless
 * the device's queues block, see virtdev_queue_blocks()). A driver may assume that
 * its reset is complete when its store returns (virtio-mmio): keep a CPU that
 * stored it out of the guest while virtdev_transport_is_resetting(), until the
 * transport's reset_finished.
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
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_inline;

/* Both are borrowed and outlive it. */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_new(struct virtdev_transport *t,
						 struct vmem_space *space,
						 struct virtdev_inline **out,
						 struct vsu_error *err);

/* virtdev_inline_stop() has said 0 since the last start. */
VIRTDEV_API void virtdev_inline_free(struct virtdev_inline *h);

/*
 * For an owner's own activate. A failure leaves queues running that were started
 * before; the reset that the driver has to do stops them. The reason names the
 * queue: usually the driver's mistake (an area that is not aligned or in no
 * memory), or a failure of the host.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_start(struct virtdev_inline *h,
						   struct vsu_error *err);

VIRTDEV_API int virtdev_inline_fd(const struct virtdev_inline *h);
VIRTDEV_API void virtdev_inline_dispatch(struct virtdev_inline *h);

/*
 * -EAGAIN until all started requests are finished: dispatch and call it again. 0: no
 * queue runs, and a reset that took time is complete. Another code is that of a
 * timer that could not be armed: nothing signals when to call it again.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_stop(struct virtdev_inline *h);

/*
 * The owner provides memory for the device's shared memory regions: of ops, which
 * are copied, region_change and region_address are called, as device.h describes.
 * Before a reset is complete, and in virtdev_inline_free(), region_change unmaps the
 * whole of each region without VIRTDEV_REGION_APART.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_set_regions(
		struct virtdev_inline *h, const struct virtdev_server_ops *ops,
		void *opaque);

/*
 * For an owner's own queue_reset and queue_start. A dispatch completes a reset that
 * takes time, and calls virtdev_transport_queue_reset_done().
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_reset_queue(
		struct virtdev_inline *h, uint32_t queue);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_start_queue(
		struct virtdev_inline *h, uint32_t queue,
		struct vsu_error *err);

/*
 * Pauses, while no driver accesses the transport. -EAGAIN until all popped requests are
 * complete; errors as stop. Resume continues where the queues stopped; if it fails, it
 * requests a reset from the driver.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_pause(struct virtdev_inline *h);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_resume(struct virtdev_inline *h);

/*
 * The state of a paused device, its transport, its register interface and its queues:
 * *len bytes, for free(). -EBUSY: a queue runs; further errors as virtdev_state_take().
 *
 * Load the state into the server of a device of the same kind behind the same kind of
 * register interface. -EBUSY: a driver has already changed the transport. On success
 * the device is paused; the guest must have the same memory when it resumes. The bytes
 * need not be trusted: -EBADMSG or -EOPNOTSUPP, and the device is as after a reset.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_take(struct virtdev_inline *h,
						  void **bytes, size_t *len,
						  struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_load(struct virtdev_inline *h,
						  const void *bytes, size_t len,
						  struct vsu_error *err);

/* The guest memory changed: queues release the previous map. */
VIRTDEV_API void virtdev_inline_refresh(struct virtdev_inline *h);

/* The eventfd of a queue below the device's number of queues. Borrowed. */
VIRTDEV_API int virtdev_inline_kick_fd(const struct virtdev_inline *h,
				       uint32_t queue);

VSU_END_DECLS

#endif

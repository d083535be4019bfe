/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A home for a device in a VMM: this process serves its queues, behind a
 * transport (transport.h). The counterpart is vhost_user.h, whose queues are
 * somebody else's.
 *
 *   start     as the transport's activate: enables the queues that the driver
 *             set up and gives them to the device
 *   dispatch  a bounded turn: kicks and the host's answers are served
 *   stop      as the transport's reset: nothing more is taken, and what was
 *             taken is finished by further turns
 *   kick      one eventfd per queue: an ioeventfd of KVM signals it, and so
 *             does the transport's notify
 *
 * The device's interrupts, changes of its configuration and broken queues go to
 * the transport.
 *
 * Waiting: virtdev_inline_fd() never changes; while it is readable there is
 * something to do for virtdev_inline_dispatch(), which never blocks (unless
 * the device's queues block, see virtdev_queue_blocks()).
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
 * From inside activate. A failure leaves queues running that were started
 * before; they are stopped by the reset that the driver is asked for. The
 * reason names the queue: it is the driver's own doing as a rule (an area
 * that is not aligned or in no memory), or the host's.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_start(struct virtdev_inline *h,
						   struct vsu_error *err);

VIRTDEV_API int virtdev_inline_fd(const struct virtdev_inline *h);
VIRTDEV_API void virtdev_inline_dispatch(struct virtdev_inline *h);

/*
 * -EAGAIN until everything that was taken is finished: go on dispatching and
 * ask again. 0: no queue runs. Another code is that of a timer that could not
 * be armed: nothing tells when to ask again.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_stop(struct virtdev_inline *h);

/*
 * The owner gives memory to the device's shared memory regions: of ops, which
 * are copied, region_change and region_address are called, as device.h says.
 * When a reset is done, or the home is freed, the owner empties the regions.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_set_regions(
		struct virtdev_inline *h, const struct virtdev_home_ops *ops,
		void *opaque);

/*
 * As the transport's queue_reset and queue_start, which tell these of one queue;
 * dispatch goes on with a reset that takes time, and tells the transport of
 * its end.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_reset_queue(
		struct virtdev_inline *h, uint32_t queue);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_start_queue(
		struct virtdev_inline *h, uint32_t queue,
		struct vsu_error *err);

/*
 * A pause, while no driver accesses the transport: -EAGAIN until everything that
 * was taken is finished, as stop, whose errors it has, too; resume goes on where
 * the queues stood. A resume that fails asks the driver for a reset.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_pause(struct virtdev_inline *h);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_resume(struct virtdev_inline *h);

/*
 * All of a paused device: its own state, that of the transport with its face,
 * and where the queues stand; *len bytes, for free(). -EBUSY: a queue runs; or as
 * virtdev_state_take().
 *
 * A load is into the home of a device of the same kind behind the same kind of
 * face, which no driver has begun with (-EBUSY), and whose guest has the same
 * memory when it resumes. Pauses it on success. The bytes may be
 * anybody's: -EBADMSG or -EOPNOTSUPP, and the device is as after a reset.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_take(struct virtdev_inline *h,
						  void **bytes, size_t *len,
						  struct vsu_error *err);
VIRTDEV_API VSU_NODISCARD int virtdev_inline_load(struct virtdev_inline *h,
						  const void *bytes, size_t len,
						  struct vsu_error *err);
/* virtdev_inline_take() without the sentence. */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_save(struct virtdev_inline *h,
						  void **bytes, size_t *len);

/* The guest's memory changed: queues let go of the former map. */
VIRTDEV_API void virtdev_inline_refresh(struct virtdev_inline *h);

/* The eventfd of a queue below the device's number of queues. Borrowed. */
VIRTDEV_API int virtdev_inline_kick_fd(const struct virtdev_inline *h,
				       uint32_t queue);

VSU_END_DECLS

#endif

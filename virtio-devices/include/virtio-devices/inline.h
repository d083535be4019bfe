/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A server for a device in a VMM: the process of the VMM serves the device's queues,
 * behind a transport. server.h has its functions.
 *
 *   dispatch  a bounded turn: serves kicks and the host's answers, and completes
 *             resets
 *   kick      an eventfd per queue, or one for all queues that are rarely notified
 *             (queue_is_rare of device.h), which serves all of them: an ioeventfd of
 *             KVM signals it, or the transport's notify
 *   stop      pops no new requests; dispatch completes the started ones
 *
 * Threads: confined, together with its transport and device.
 */
#ifndef VIRTIO_DEVICES_INLINE_H
#define VIRTIO_DEVICES_INLINE_H

#include <virtio-devices/attributes.h>
#include <virtio-devices/server.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Transport and space are borrowed and outlive the server. regions has the callbacks by
 * which the owner provides memory for the device's shared memory regions: region_change
 * and region_address (device.h); it is copied, and may be NULL. Before a reset is complete,
 * and in virtdev_server_free(), region_change unmaps the whole of each region without
 * VIRTDEV_REGION_APART. -EBUSY: the transport, or its device, has another server, which is
 * unchanged; -EINVAL: space is NULL.
 */
VIRTDEV_API VSU_NODISCARD int virtdev_inline_new(struct virtdev_transport *t,
						 struct vmem_space *space,
						 const struct virtdev_server_ops *regions,
						 void *opaque, struct virtdev_server **out,
						 struct vsu_error *err);

VSU_END_DECLS

#endif

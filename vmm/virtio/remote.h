/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues a vhost-user back-end serves, in the machine.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_REMOTE_H
#define VMM_VIRTIO_REMOTE_H

#include "devices/devices.h"
#include "virtio/slot.h"

/*
 * Connects, waits for the handshake and makes the transport. map is the
 * guest's memory now.
 */
int vmm_virtio_remote(const struct vmm_virtio_place *place,
		      const struct vmm_device_spec *spec, struct vmem_map *map,
		      struct vmm_virtio **out, struct vsu_error *err);

#endif

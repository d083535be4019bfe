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

/* A device whose back-end has not finished its handshake. */
struct remote;

/*
 * Connects, waits for the handshake and makes the transport. map is the
 * guest's memory now. Before the guest runs.
 */
int vmm_virtio_remote(const struct vmm_virtio_place *place,
		      const struct vmm_device_spec *spec, struct vmem_map *map,
		      struct vmm_virtio **out, struct vsu_error *err);

/* Who hears that it can be finished, or why it cannot. */
struct vmm_remote_arrival {
	/*
	 * From the loop, once: vmm_virtio_remote_finish() if why is NULL, else
	 * vmm_virtio_remote_give_up() is due.
	 */
	void (*arrived)(void *opaque, const struct vsu_error *why);
	void *opaque;
	unsigned int limit_ms;	/* of the handshake */
};

/* The same in steps, between which the guest runs: the handshake is the loop's. */
int vmm_virtio_remote_begin(const struct vmm_virtio_place *place,
			    const struct vmm_device_spec *spec,
			    const struct vmm_remote_arrival *arrival,
			    struct remote **out, struct vsu_error *err);
/* r is the device's end from now on, or freed after a failure. */
int vmm_virtio_remote_finish(struct remote *r,
			     const struct vmm_virtio_place *place,
			     struct vmem_map *map, struct vmm_virtio **out,
			     struct vsu_error *err);
/* At any time before; nothing where r is NULL. */
void vmm_virtio_remote_give_up(struct remote *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device of the machine whose queues a vhost-user back-end serves.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_REMOTE_H
#define VMM_VIRTIO_REMOTE_H

#include "config/device_option.h"
#include "virtio/virtio.h"

/* A device, also before its back-end has completed the handshake. */
struct remote;

/*
 * Connects, waits for the handshake and creates the transport. map is the
 * current memory of the guest. Only before the guest runs.
 */
int vmm_virtio_remote(const struct vmm_virtio_resources *resources,
		      const struct vmm_device_spec *spec, struct vmem_map *map,
		      struct vmm_virtio **out, struct vsu_error *err);

/* Notified when the handshake has succeeded or failed. */
struct vmm_remote_arrival {
	/*
	 * Called once, from the loop. why NULL: call
	 * vmm_virtio_remote_finish(), else vmm_virtio_remote_cancel().
	 */
	void (*arrived)(void *opaque, const struct vsu_error *why);
	void *opaque;
	unsigned int limit_ms;	/* time limit of the handshake */
};

/* Begins the handshake of a device that is added while the guest runs; the loop performs it. */
int vmm_virtio_remote_begin(const struct vmm_virtio_resources *resources,
			    const struct vmm_device_spec *spec,
			    const struct vmm_remote_arrival *arrival,
			    struct remote **out, struct vsu_error *err);
/* Creates the device and owns r; frees r on failure. */
int vmm_virtio_remote_finish(struct remote *r,
			     const struct vmm_virtio_resources *resources,
			     struct vmem_map *map, struct vmm_virtio **out,
			     struct vsu_error *err);
/* Abandons r at any time before; r may be NULL. */
void vmm_virtio_remote_cancel(struct remote *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A virtio device in the machine, for virtio.c and state.c. */
#ifndef VMM_VIRTIO_VIRTIO_PRIVATE_H
#define VMM_VIRTIO_VIRTIO_PRIVATE_H

#include <pthread.h>

#include "virtio/virtio.h"

struct access_call;

struct vmm_virtio {
	struct vmm_virtio_resources resources;
	struct varch_cpus *cpus;
	struct virtdev_transport *transport;
	const struct vmm_virtio_backend *ops;
	void *backend;		/* NULL: not set yet */
	struct virtdev_server *server;
	void *registers;
	void (*leave)(void *registers);
	void (*free_registers)(void *registers);
	struct access_call *waiting;	/* CPUs that wait for a reset */
	unsigned int ncalls;	/* atomic: CPUs with an access in progress */
	void (*gone)(void *opaque);	/* set by vmm_virtio_retire() */
	void *gone_opaque;
	struct vsu_alarm going;
	pthread_mutex_t lock;	/* guards transport and device */
	pthread_t owner;	/* atomic: of the lock, while held */
	bool held;		/* atomic */
	int64_t notified;	/* the queue that the access notified, or -1 */
};

#endif

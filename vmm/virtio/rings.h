/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Queues that another process or the kernel serves: their kick, call and error
 * eventfds.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_RINGS_H
#define VMM_VIRTIO_RINGS_H

#include <stdint.h>

#include <vhost/frontend.h>
#include <vmm-sys-util/loop.h>

#include "config/device_option.h"
#include "virtio/virtio.h"

/*
 * A call passes through the loop: the transport's interrupt status must be set
 * before the interrupt is raised.
 */
struct vmm_ring {
	struct vmm_rings *rings;
	uint32_t index;
	int kick_fd, call_fd;
	int err_fd;		/* signalled when the server finds the queue broken */
	struct vsu_io called, broken;
};

/* Initialised with zeros. */
struct vmm_rings {
	struct vmm_virtio *v;	/* NULL: not watched by the loop yet */
	struct vsu_loop *loop;
	char who[VMM_SOCKET_MAX + 32];	/* name of the server, for messages */
	uint64_t calls;		/* received calls */
	uint32_t n;
	struct vmm_ring *ring;
};

int vmm_rings_make(struct vmm_rings *r, uint32_t n, struct vsu_error *err);
/* Their descriptors, for the server; to be freed by free(). NULL: no memory. */
struct virtdev_server_queue *vmm_rings_describe(const struct vmm_rings *r);
/* Frees the queues in any state of their creation. */
void vmm_rings_fini(struct vmm_rings *r);

/* Starts watching for calls. */
void vmm_rings_run(struct vmm_rings *r, struct vmm_virtio *v,
		   struct vsu_loop *loop);
/*
 * Starts watching for errors, at each start of the rings: errors of queues
 * before a reset are dropped.
 */
void vmm_rings_watch_faults(struct vmm_rings *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The queues of a device that somebody else serves: what wakes him, what he
 * calls by, and what he finds them broken by.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_RINGS_H
#define VMM_VIRTIO_RINGS_H

#include <ev.h>
#include <stdint.h>

#include <vhost/frontend.h>

#include "devices/devices.h"
#include "virtio/slot.h"

/*
 * A call passes through the loop: the transport's interrupt status has to be
 * set before the line is raised.
 */
struct vmm_ring {
	struct vmm_rings *rings;
	uint32_t index;
	int kick_fd, call_fd;
	int err_fd;		/* signalled where it is found broken */
	ev_io called, broken;
};

/* Zeroed at first. */
struct vmm_rings {
	struct vmm_virtio *v;	/* NULL: the loop does not look at them yet */
	struct ev_loop *loop;
	char who[VMM_SOCKET_MAX + 32];	/* serves them, for sentences */
	uint64_t calls;		/* that came */
	uint32_t n;
	struct vmm_ring *ring;
};

int vmm_rings_make(struct vmm_rings *r, uint32_t n, struct vsu_error *err);
/* At whatever step it has arrived. */
void vmm_rings_fini(struct vmm_rings *r);

/* Calls are listened to from now on. */
void vmm_rings_run(struct vmm_rings *r, struct vmm_virtio *v,
		   struct ev_loop *loop);
/*
 * Faults are listened to from a start of the rings on: of the queues before the
 * reset nothing is heard any more.
 */
void vmm_rings_watch_faults(struct vmm_rings *r);

/* As the driver set it up; of size 0 if it did not. */
void vmm_rings_describe(const struct vmm_rings *r, uint32_t i,
			struct vhost_user_ring *ring);
/* All n of them, for free(). */
int vmm_rings_describe_all(const struct vmm_rings *r,
			   struct vhost_user_ring **out,
			   struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A remote device as its files see it: remote.c makes it, step by step, and
 * hands it over to remote_session.c, in which it runs until it is freed.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_REMOTE_SESSION_H
#define VMM_VIRTIO_REMOTE_SESSION_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/vhost_user.h>

#include "devices/devices.h"
#include "virtio/rings.h"
#include "virtio/slot.h"

/* Zeroed at first. */
struct remote {
	struct vmm_virtio *v;
	struct ev_loop *loop;
	struct vmm_shmem *shmem;
	struct virtdev_vhost_user *user;
	bool watched;		/* the loop looks at the session */
	ev_io session;
	ev_timer refresh;	/* the windows changed in this iteration */
	bool ready, dead;
	bool stopped;		/* the queues came back, or the back-end died */
	bool locked;		/* the session is dispatched under the lock */
	bool announce;		/* the back-end is to hear of a new map */
	bool memory_only;	/* it has no room for others' windows */
	unsigned int losses;	/* of back-ends */
	bool back;		/* a back-end came in the place of a lost one */
	bool rings_lost;	/* nobody knows what a lost back-end finished */
	bool start_waits;	/* the driver is ready, the back-end is away */
	uint64_t start_features;
	char socket[VMM_SOCKET_MAX];
	uint64_t lost_ns;	/* when it was lost */
	/* of a handshake while the guest runs */
	void (*arrived)(void *opaque, const struct vsu_error *why);
	void *opaque;
	unsigned int limit_ms;
	ev_timer limit;
	struct vsu_error why;
	struct vmm_rings rings;
};

/* Told by the session; opaque is the remote. With connect, to be left out. */
extern const struct virtdev_vhost_user_ops vmm_remote_told;
extern const struct vmm_virtio_end vmm_remote_end;

/*
 * The last step, after all of it has been made: it becomes the end of r->v, and
 * the loop takes over.
 */
void vmm_remote_run(struct remote *r);

/* The loop looks at the session, by the watchers that it has, or no more. */
void vmm_remote_watch(struct remote *r);
void vmm_remote_unwatch(struct remote *r);

/* A struct remote, at whatever step it has arrived. */
void vmm_remote_free(void *remote);

/*
 * remote_rings.c: starts the queues that the driver set up. The guest only sees
 * that it has to reset the device when that fails: the user is told why.
 */
int vmm_remote_start_rings(struct remote *r, uint64_t features);
/* One queue: see struct vmm_virtio_end. */
int vmm_remote_queue_reset(void *end, uint32_t queue);
int vmm_remote_queue_start(void *end, uint32_t queue);

#endif

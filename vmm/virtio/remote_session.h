/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A remote device: declarations that its files share. remote.c creates it step
 * by step; then remote_session.c runs it until it is freed.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_REMOTE_SESSION_H
#define VMM_VIRTIO_REMOTE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/loop.h>

#include "cvmm/servers.h"
#include "config/device_option.h"
#include "virtio/rings.h"
#include "virtio/virtio.h"

/* The session, as far as the machine is concerned. */
enum remote_session {
	REMOTE_CONNECTS,	/* the handshake is in progress */
	REMOTE_CONNECTED,	/* perhaps to another back-end, or to none at present */
	REMOTE_FAILED,		/* it has ended; why is valid */
	REMOTE_REPORTED,	/* and the machine knows */
};

/* The guest's memory that the back-end has to receive. */
enum remote_memory {
	REMOTE_MEMORY_ALL,
	REMOTE_MEMORY_ONLY,	/* it has no room for windows of other devices */
};

/* Initialised with zeros. */
struct remote {
	struct vmm_virtio *v;
	struct vsu_loop *loop;
	const struct vmm_log *log;	/* or NULL */
	struct vmm_windows *shmem;
	struct virtdev_vhost_user *user;
	struct virtdev_server *server;
	enum remote_session state;
	bool watched;		/* the loop watches the session */
	struct vsu_io session;
	struct vsu_alarm refresh;	/* the windows changed in this iteration */
	bool announce;		/* a new map must be announced to the back-end */
	enum remote_memory memory;
	unsigned int losses;	/* number of disconnections */
	char socket[VMM_SOCKET_MAX];
	struct vsu_closer *closer;	/* of the owner, or NULL */
	const struct cvmm_servers *servers; /* likewise */
	void *spawned;		/* started by these for this device, or NULL */
	uint64_t lost_ns;	/* time of the disconnection */
	/* of a handshake while the guest runs */
	void (*arrived)(void *opaque, const struct vsu_error *why);
	void *opaque;
	unsigned int limit_ms;
	struct vsu_alarm limit;
	struct vsu_error why;
	struct vmm_rings rings;
};

static inline bool vmm_remote_is_dead(const struct remote *r)
{
	return r->state >= REMOTE_FAILED;
}

/* Queues are about to start. remote is the struct remote. */
int vmm_remote_starting(void *remote, struct vsu_error *err);

/* Operations of the session; opaque is the struct remote. connect is optional. */
extern const struct virtdev_vhost_user_ops vmm_remote_ops;
extern const struct vmm_virtio_backend vmm_remote_backend;

/*
 * The last step of the creation: r becomes the backend of r->v and runs in the
 * loop.
 */
void vmm_remote_run(struct remote *r);

/* Starts and stops watching the session in the loop. */
void vmm_remote_watch(struct remote *r);
void vmm_remote_unwatch(struct remote *r);

/* Frees a struct remote in any state of its creation. */
void vmm_remote_free(void *remote);

#endif

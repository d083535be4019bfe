/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device in front of a vhost-user session, from within. */
#ifndef VIRTIO_DEVICES_REMOTE_PRIV_H
#define VIRTIO_DEVICES_REMOTE_PRIV_H

#include <virtio-devices/vhost_user.h>

#define CONFIG_MAX 256u		/* what the protocol carries */
#define REMOTE_QUEUES 256u	/* likewise */

struct remote_preset {
	uint32_t id, nqueues, config_size;
	const char *name;
};

enum remote_change {
	REMOTE_SAME,
	REMOTE_RESET,		/* a queue is to be forgotten */
	REMOTE_START,		/* ... and to be described anew */
};

struct virtdev_vhost_user {
	struct virtdev_vhost_user_config config;
	struct virtdev_vhost_user_ops ops;
	void *opaque;
	struct vhost_user_frontend *frontend;
	struct virtdev *dev;
	const struct remote_preset *preset;	/* or NULL */
	char *peer;
	bool ready, stop_wanted;
	bool own_space;		/* the configuration is the front-end's */
	/* queues are stopped for a while, and what is to be done with them */
	bool changing;
	uint64_t features;	/* of the last start */
	enum remote_change changes[REMOTE_QUEUES];
	bool described[REMOTE_QUEUES];
	struct vhost_user_ring rings[REMOTE_QUEUES]; /* that are to start */
	bool config_stale;	/* a change could not be asked for yet */
	unsigned char bytes[CONFIG_MAX];
};

/* remote_queue.c */

/* While it runs: begins with what is to be done with queues, if anything. */
void virtdev_priv_remote_change(struct virtdev_vhost_user *r);
/* The queues came back for that; false: the whole device was to stop. */
bool virtdev_priv_remote_changed(struct virtdev_vhost_user *r);
/* The whole device starts anew, or stops: nothing is to be done any more. */
void virtdev_priv_remote_forget(struct virtdev_vhost_user *r);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device in front of a vhost-user session: internal declarations. */
#ifndef VIRTIO_DEVICES_REMOTE_PRIV_H
#define VIRTIO_DEVICES_REMOTE_PRIV_H

#include <virtio-devices/state.h>
#include <virtio-devices/vhost_user.h>

#define CONFIG_MAX 256u		/* maximum of the protocol */
#define REMOTE_QUEUES 256u	/* maximum of the protocol */

struct remote_preset {
	uint32_t id, nqueues, config_size;
};

enum remote_change {
	REMOTE_SAME,
	REMOTE_RESET,		/* forget the queue */
	REMOTE_START,		/* forget the queue, then start it with its new ring */
};

/* Settings of the driver in its configuration space: remote_settings.c. */
#define MAX_SETTINGS 8u
#define MAX_SETTING_BYTES 8u

struct remote_setting {
	uint32_t off, len;
	unsigned char bytes[MAX_SETTING_BYTES];
};

struct remote_settings {
	struct remote_setting list[MAX_SETTINGS];
	unsigned int n;
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
	bool pausing;		/* the stop in progress keeps the back-end's state */
	uint32_t bases[REMOTE_QUEUES];	/* of the last pause */
	/* the front-end has the configuration space (config.space) */
	bool own_space;
	/* Queues are stopped temporarily to apply changes[]. */
	bool changing;
	uint64_t features;	/* of the last start */
	enum remote_change changes[REMOTE_QUEUES];
	bool described[REMOTE_QUEUES];
	struct vhost_user_ring rings[REMOTE_QUEUES]; /* of queues to start */
	/* the configuration must be read when requests are possible again */
	bool config_stale;
	/* The back-end has changed it since the last start; a reset can undo that. */
	bool config_reported;
	struct remote_settings settings;
	unsigned char bytes[CONFIG_MAX];
};

/* remote_kind.c */

/* NULL: an unknown kind. */
const struct remote_preset *virtdev_priv_remote_preset(uint32_t id);
/* Number of queues: from the caller, the device, or its kind, in this order. */
uint32_t virtdev_priv_remote_queues(const struct virtdev_vhost_user *r,
				    uint64_t features);

/* remote_settings.c: what each start repeats, and a saved state contains */

/* True if the bytes are a setting of this kind, which a back-end must remember. */
bool virtdev_priv_remote_is_setting(const struct virtdev_vhost_user *r,
				    uint32_t off, uint32_t len);
int virtdev_priv_remote_keep(struct virtdev_vhost_user *r, uint32_t off,
			     const void *buf, uint32_t len,
			     struct vsu_error *err);
void virtdev_priv_remote_forget_settings(struct virtdev_vhost_user *r);
/* Of struct virtdev_ops. Nothing is written without settings. */
void virtdev_priv_remote_save_settings(void *self, struct virtdev_state_writer *w);
int virtdev_priv_remote_load_settings(void *self, uint32_t version,
				      struct virtdev_state_reader *r,
				      struct vsu_error *err);

/* remote_postcopy.c: operations of the session, if the owner has them. */
struct vhost_user_frontend_device_ops;
extern const struct vhost_user_frontend_device_ops virtdev_priv_remote_postcopy_ops;

/* remote_queue.c */

/* If the device runs: begins to apply changes[], if there are any. */
void virtdev_priv_remote_change(struct virtdev_vhost_user *r);
/*
 * Queues were stopped. False: the whole device was to stop, not single queues.
 */
bool virtdev_priv_remote_changed(struct virtdev_vhost_user *r);
/* Stores the positions of a pause. */
void virtdev_priv_remote_paused(struct virtdev_vhost_user *r,
				const uint32_t *bases, unsigned int n);
/* Drops pending changes: the whole device starts again or stops. */
void virtdev_priv_remote_forget(struct virtdev_vhost_user *r);

#endif

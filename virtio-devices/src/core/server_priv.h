/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A server of queues behind a transport: what each of them implements. */
#ifndef VIRTIO_DEVICES_SERVER_PRIV_H
#define VIRTIO_DEVICES_SERVER_PRIV_H

#include <virtio-devices/server.h>

struct vhost_user_ring;

/* Position of a stopped queue. */
struct queue_position {
	bool runs;		/* it ran before the stop: start it after the load */
	uint32_t base;		/* as vq_base() */
};

/*
 * self is the object that contains the struct virtdev_server. Results are those of the
 * functions of server.h and, of the first four, of struct virtdev_transport_ops.
 */
struct server_ops {
	int (*start)(void *self, uint64_t features, struct vsu_error *err);
	int (*reset)(void *self);	/* NULL: as stop */
	int (*queue_reset)(void *self, uint32_t queue);
	int (*queue_start)(void *self, uint32_t queue, struct vsu_error *err);
	int (*stop)(void *self);
	void (*dispatch)(void *self);
	int (*kick_fd)(const void *self, uint32_t queue);
	int (*set_memory)(void *self, struct vmem_map *map, struct vsu_error *err);
	int (*pause)(void *self);
	int (*resume)(void *self, struct vsu_error *err);
	int (*take)(void *self, void **bytes, size_t *len, struct vsu_error *err);
	int (*load)(void *self, const void *bytes, size_t len, struct vsu_error *err);
	void (*free)(void *self);
	/* Optional. NULL: succeeds without effect. */
	int (*check_save)(const void *self, struct vsu_error *err);
	int (*collect)(void *self, struct vsu_error *err); /* its own state, of a paused device */
	int (*fail)(void *self, const struct vsu_error *why); /* NULL: -EOPNOTSUPP */
	uint64_t (*faults)(const void *self, uint32_t queue, struct vq_fault *last);
	int (*check_log)(const void *self, struct vsu_error *err);
	int (*set_log)(void *self, const struct virtdev_server_log *log, struct vsu_error *err);
	int (*postcopy_advise)(void *self, struct vsu_error *err);
	int (*postcopy_listen)(void *self, const struct virtdev_page_faults *to,
			       struct vsu_error *err);
	void (*postcopy_end)(void *self);
};

struct virtdev_server {
	const struct server_ops *ops;
	void *self;
	struct virtdev_transport *t;
	int fd;
	bool shares_kicks;	/* a peer may change their mode */
	bool start_failed;	/* and the cause was reported */
};

/*
 * Makes s, whose members are set, the server of its transport and, with these callbacks, of
 * the transport's device. -EBUSY: either has another one.
 */
int virtdev_priv_server_attach(struct virtdev_server *s, const struct virtdev_server_ops *ops,
			       struct vsu_error *err);
void virtdev_priv_server_detach(struct virtdev_server *s);

/* transport_calls.c: reports the failure of a start once, until a start succeeds again. Returns rc. */
int virtdev_priv_server_report(struct virtdev_server *s, int rc, const struct vsu_error *why);

/* Callbacks for the device, of any server: opaque is the struct virtdev_server. */
void virtdev_priv_server_config_changed(void *opaque);
void virtdev_priv_server_queue_broken(void *opaque, uint32_t queue);

/* The ring of a queue as the driver set it up. size 0: not set up. */
void virtdev_priv_describe_ring(const struct virtdev_transport *t, uint32_t queue,
				const struct virtdev_server_queue *fds,
				struct vhost_user_ring *ring);

/*
 * served_state.c: the state of a device whose queues another process or the kernel serves:
 * its transport and register interface, the positions of all queues of the device, and the
 * server's own state in *len bytes, to be freed by free().
 *
 * Load the state into the transport of a device of the same kind behind the same kind
 * of register interface. The server's state points into bytes. The bytes are
 * untrusted: -EBADMSG if they are invalid; the device is then as after a reset.
 * -EBUSY: a driver has already changed the transport.
 */
int virtdev_priv_served_take(const struct virtdev_transport *t,
			     const struct queue_position *positions, const void *state,
			     size_t state_len, void **bytes, size_t *len, struct vsu_error *err);
int virtdev_priv_served_load(struct virtdev_transport *t, const void *bytes, size_t len,
			     struct queue_position *positions, const void **state,
			     size_t *state_len, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* struct virtdev_transport, for the files of core/. */
#ifndef VIRTIO_DEVICES_TRANSPORT_PRIV_H
#define VIRTIO_DEVICES_TRANSPORT_PRIV_H

#include <virtio-devices/transport.h>

#define NAREAS 3

/* A queue as configured by the driver. */
struct ring {
	uint64_t areas[NAREAS];
	uint32_t size;
	bool ready;
	bool resetting;		/* queue reset in progress */
	bool renewed;		/* was reset, and can be configured again */
};

struct virtdev_transport {
	struct virtdev *dev;
	struct virtdev_transport_ops ops;
	void *opaque;
	struct virtdev_server *server;	/* used if the callback in ops is NULL; or NULL */
	bool has_registers;
	struct virtdev_register_ops register_ops;
	void *registers;
	uint64_t driver_features;
	uint32_t status, generation;
	bool resetting;
	uint32_t nrings;
	struct ring rings[];
};

/*
 * Save and load the state between device and driver, and that of the registers, while no
 * queue runs. The driver must not have written the status of the transport that loads
 * (-EBUSY). Afterwards the device has the driver's features, and the generation is
 * incremented. -EBADMSG: only those features may have changed.
 */
void virtdev_priv_transport_save(const struct virtdev_transport *t,
				 struct virtdev_state_writer *w);
int virtdev_priv_transport_load(struct virtdev_transport *t,
				struct virtdev_state_reader *r,
				struct vsu_error *err);

/* The driver's features without those that the transport implements. */
uint64_t virtdev_priv_device_features(const struct virtdev_transport *t);

/*
 * transport_calls.c: the owner's callbacks, or those of the server. Results are
 * those of struct virtdev_transport_ops.
 */
uint64_t virtdev_priv_call_features(const struct virtdev_transport *t);
int virtdev_priv_call_activate(struct virtdev_transport *t);
int virtdev_priv_call_reset(struct virtdev_transport *t);
void virtdev_priv_call_notify(struct virtdev_transport *t, uint32_t queue);
int virtdev_priv_call_queue_reset(struct virtdev_transport *t, uint32_t queue);
int virtdev_priv_call_queue_start(struct virtdev_transport *t, uint32_t queue);

/* Whether the size is valid for a queue with these features. */
bool virtdev_priv_transport_can_be(const struct virtdev_transport *t,
				   uint64_t features, uint32_t size);

#endif

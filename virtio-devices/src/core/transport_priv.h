/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A transport as the files of this room see it. */
#ifndef VIRTIO_DEVICES_TRANSPORT_PRIV_H
#define VIRTIO_DEVICES_TRANSPORT_PRIV_H

#include <virtio-devices/transport.h>

#define NAREAS 3

/* One queue as the driver described it. */
struct ring {
	uint64_t areas[NAREAS];
	uint32_t size;
	bool ready;
	bool resetting;		/* by itself, which is not done yet */
	bool renewed;		/* it was, and can be set up again */
};

struct virtdev_transport {
	struct virtdev *dev;
	struct virtdev_transport_ops ops;
	void *opaque;
	struct virtdev_transport_ops server;	/* where ops has NULL */
	void *server_opaque;
	struct virtdev_face_ops face_ops;
	void *face;
	uint64_t driver_features;
	uint32_t status, generation;
	bool resetting;
	uint32_t nrings;
	struct ring rings[];
};

/* The driver's features without those that the transport does alone. */
uint64_t virtdev_priv_device_features(const struct virtdev_transport *t);

/*
 * The server of the queues in this process; NULL removes it. Its callbacks replace
 * those that the owner left out.
 */
void virtdev_priv_transport_set_server(struct virtdev_transport *t,
				       const struct virtdev_transport_ops *ops,
				       void *opaque);

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

/* Whether a queue may have this size, with these features. */
bool virtdev_priv_transport_can_be(const struct virtdev_transport *t,
				   uint64_t features, uint32_t size);

#endif

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

/* Whether a queue may have this size, with these features. */
bool virtdev_priv_transport_can_be(const struct virtdev_transport *t,
				   uint64_t features, uint32_t size);

#endif

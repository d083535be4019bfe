/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers of a transport as its tests use them, whatever their layout:
 * each face is a table of these functions.
 */
#ifndef VIRTIO_DEVICES_TESTS_FACE_H
#define VIRTIO_DEVICES_TESTS_FACE_H

#include <virtio-devices/transport.h>

/* Fields that a driver reads or writes, in the order of a start. */
enum field {
	OFFERED_SEL, OFFERED_WORD, WANTED_SEL, WANTED_WORD, STATUS,
	QUEUE_SEL, QUEUE_MAX, QUEUE_SIZE, QUEUE_READY,
	DESC_LOW, DESC_HIGH, DRIVER_LOW, DRIVER_HIGH, DEVICE_LOW, DEVICE_HIGH,
	NOTIFY, GENERATION, QUEUE_RESET, NFIELDS
};

/* Bits of face.interrupts. */
enum { FROM_QUEUE = 1, FROM_CONFIG = 2 };

struct face {
	const char *name;
	void *(*make)(struct virtdev_transport *t);
	void (*free)(void *f);
	uint32_t (*get)(void *f, enum field field);
	void (*set)(void *f, enum field field, uint32_t value);
	/* Sources of the interrupts since the last call. */
	unsigned int (*interrupts)(void *f);
	uint64_t (*config_read)(void *f, uint32_t off, uint32_t len);
	void (*config_write)(void *f, uint32_t off, uint32_t len,
			     uint64_t value);
};

extern const struct face mmio_face, pci_face;

/* A device, its transport, and a face on that. */
struct faced {
	struct virtdev *dev;
	struct virtdev_transport *t;
	const struct face *face;
	void *f;
};

/* self is of the device and of the transport's operations. */
void faced_init(struct faced *d, const struct face *face,
		const struct virtdev_ops *ops, const struct virtdev_info *info,
		const struct virtdev_transport_ops *transport_ops, void *self);
void faced_fini(struct faced *d);
uint32_t faced_get(const struct faced *d, enum field field);
void faced_set(const struct faced *d, enum field field, uint64_t value);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers of a transport, independent of their layout: a table of
 * functions for virtio-mmio and one for PCI.
 */
#ifndef VIRTIO_DEVICES_TESTS_REGISTERS_H
#define VIRTIO_DEVICES_TESTS_REGISTERS_H

#include <virtio-devices/transport.h>

/* Fields that a driver reads or writes, in the order of a start. */
enum field {
	OFFERED_SEL, OFFERED_WORD, WANTED_SEL, WANTED_WORD, STATUS,
	QUEUE_SEL, QUEUE_MAX, QUEUE_SIZE, QUEUE_READY,
	DESC_LOW, DESC_HIGH, DRIVER_LOW, DRIVER_HIGH, DEVICE_LOW, DEVICE_HIGH,
	NOTIFY, GENERATION, QUEUE_RESET, NFIELDS
};

/* Bits of register_set.interrupts. */
enum { FROM_QUEUE = 1, FROM_CONFIG = 2 };

struct register_set {
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

extern const struct register_set mmio_registers, pci_registers;

/* A device, its transport, and the register interface of the transport. */
struct transport_rig {
	struct virtdev *dev;
	struct virtdev_transport *t;
	const struct register_set *registers;
	void *f;
};

/* self: argument of the operations of device and transport. */
void transport_rig_init(struct transport_rig *d,
		const struct register_set *registers,
		const struct virtdev_ops *ops, const struct virtdev_info *info,
		const struct virtdev_transport_ops *transport_ops, void *self);
void transport_rig_fini(struct transport_rig *d);
uint32_t transport_rig_get(const struct transport_rig *d, enum field field);
void transport_rig_set(const struct transport_rig *d, enum field field,
		       uint64_t value);

#endif

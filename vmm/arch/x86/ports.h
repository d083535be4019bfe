/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The small ports of the machine: power, parking a CPU and a clock
 * (guest/protocol.h); sleep, reset and panic (ACPI's tables); and remains of a PC:
 * the keyboard controller's reset, and clocks, which kernels read: they must read
 * as absent at once, or kernels would wait for them.
 */
#ifndef VMM_LEGACY_PORTS_H
#define VMM_LEGACY_PORTS_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "bus/bus.h"

struct vmm_ports {
	/* The guest ended the machine with this status. CPU's thread. */
	void (*power)(void *opaque, uint8_t status);
	/* The guest asked for a reset. CPU's thread. */
	void (*reset)(void *opaque);
	/* The guest powered off by ACPI. CPU's thread. */
	void (*power_off)(void *opaque);
	/* Panic of the guest's kernel. CPU's thread. */
	void (*panic)(void *opaque);
	void *opaque;
	uint64_t start_ns;
};

int vmm_ports_add(struct vmm_ports *ports, struct vmm_bus *bus,
		  struct vsu_error *err);

#endif

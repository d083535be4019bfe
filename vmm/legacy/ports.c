/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handlers of the small ports. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "../../guest/protocol.h"
#include "ports.h"

#define I8042_DATA 0x60
#define I8042_COMMAND (CVMM_PORT_I8042 - I8042_DATA)
#define I8042_RESET 0xfe

/* Writing the reset command to the status port pulses the reset line. */
static void on_i8042(void *opaque, struct vmm_access *access)
{
	const struct vmm_ports *ports = opaque;

	if (access->write && access->offset == I8042_COMMAND &&
	    (uint8_t)access->value == I8042_RESET)
		ports->reset(ports->opaque);
}

static void on_power(void *opaque, struct vmm_access *access)
{
	const struct vmm_ports *ports = opaque;

	if (!access->write)
		return;
	ports->power(ports->opaque, (uint8_t)access->value);
	access->park = true;
}

static void on_park(void *opaque, struct vmm_access *access)
{
	(void)opaque;
	access->park = !access->write;
}

static void on_clock(void *opaque, struct vmm_access *access)
{
	const struct vmm_ports *ports = opaque;

	if (!access->write)
		access->value = (vsu_now_ns() - ports->start_ns) / 1000000;
}

int vmm_ports_add(struct vmm_ports *ports, struct vmm_bus *bus,
		  struct vsu_error *err)
{
	const struct vmm_range rows[] = {
		{ I8042_DATA, 5, "keyboard controller", on_i8042, ports },
		{ CVMM_PORT_POWER, 4, "power port", on_power, ports },
		{ CVMM_PORT_PARK, 4, "park port", on_park, ports },
		{ CVMM_PORT_CLOCK, 4, "clock port", on_clock, ports },
	};
	unsigned int i;
	int rc = 0;

	ports->start_ns = vsu_now_ns();
	for (i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = vmm_bus_add(bus, &rows[i], err);
	return rc;
}

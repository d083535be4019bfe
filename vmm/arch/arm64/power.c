/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine's own registers (guest/protocol.h): power, parking a CPU and a clock. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "arch/arch.h"
#include "bus/bus.h"
#include "target/layout.h"

/* The same distances as those of the ports of x86. */
#define AT_POWER	0x0
#define AT_PARK		0x4
#define AT_CLOCK	0x8

static void on_power(void *opaque, struct vmm_access *access)
{
	const struct vmm_power *power = opaque;

	if (!access->write)
		return;
	power->power(power->opaque, (uint8_t)access->value);
	access->park = true;
}

static void on_park(void *opaque, struct vmm_access *access)
{
	(void)opaque;
	access->park = !access->write;
}

static void on_clock(void *opaque, struct vmm_access *access)
{
	const struct vmm_power *power = opaque;

	if (!access->write)
		access->value = (vsu_now_ns() - power->start_ns) / 1000000;
}

int vmm_arch_power_add(struct vmm_power *power, struct vmm_bus *registers, struct vsu_error *err)
{
	const struct vmm_range rows[] = {
		{ VMM_MACHINE_GPA + AT_POWER, 4, "power register", on_power, power },
		{ VMM_MACHINE_GPA + AT_PARK, 4, "park register", on_park, power },
		{ VMM_MACHINE_GPA + AT_CLOCK, 4, "clock register", on_clock, power },
	};
	unsigned int i;
	int rc = 0;

	power->start_ns = vsu_now_ns();
	for (i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = vmm_bus_add(registers, &rows[i], err);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The small ports of the machine: power, parking a CPU and a clock
 * (<vm-arch/boot_protocol.h>); sleep, reset and panic (ACPI's tables); and remains of a PC:
 * the keyboard controller's reset, and clocks, which kernels read: they must read
 * as absent at once, or kernels would wait for them.
 */
#include <config.h>

#include <vm-arch/arch.h>
#include <vm-arch/boot_protocol.h>
#include <vm-arch/bus.h>
#include <vm-arch/x86/ports.h>
#include <vmm-sys-util/event.h>

#include "arch/own.h"

#define PORT_SPEAKER 0x61
#define PORT_CMOS 0x70		/* index and data */
#define I8042_RESET 0xfe

#define SLEEP_GO 0x20
#define SLEEP_TYPE(value) ((value) >> 2 & 7)
#define SLEEP_TYPE_OFF 5	/* as in \_S5 */
#define PANICKED 0x01
#define PANIC_EVENTS 0x01	/* events that the port supports */

/*
 * The reset command on the command port pulses the reset line. Kernels wait
 * first until the controller accepts commands: it is always ready.
 */
static void on_i8042_command(void *opaque, struct varch_access *access)
{
	const struct varch_power *ports = opaque;

	if (!access->write)
		access->value = 0;
	else if ((uint8_t)access->value == I8042_RESET)
		ports->reset(ports->opaque);
}

static void on_power(void *opaque, struct varch_access *access)
{
	const struct varch_power *ports = opaque;

	if (!access->write)
		return;
	ports->power(ports->opaque, (uint8_t)access->value);
	access->park = true;
}

static void on_park(void *opaque, struct varch_access *access)
{
	(void)opaque;
	access->park = !access->write;
}

static void on_clock(void *opaque, struct varch_access *access)
{
	const struct varch_power *ports = opaque;

	if (!access->write)
		access->value = (vsu_now_ns() - ports->start_ns) / 1000000;
}

/* Sleep control, sleep status, reset. */
static void on_acpi(void *opaque, struct varch_access *access)
{
	const struct varch_power *ports = opaque;
	const uint64_t port = VARCH_PORT_SLEEP_CONTROL + access->offset;
	const uint8_t value = (uint8_t)access->value;

	if (!access->write) {
		access->value = 0;
	} else if (port == VARCH_PORT_RESET && value == VARCH_RESET_VALUE) {
		ports->reset(ports->opaque);
		access->park = true;
	} else if (port == VARCH_PORT_SLEEP_CONTROL && (value & SLEEP_GO) &&
		   SLEEP_TYPE(value) == SLEEP_TYPE_OFF) {
		ports->power_off(ports->opaque);
		access->park = true;
	}
}

static void on_panic(void *opaque, struct varch_access *access)
{
	const struct varch_power *ports = opaque;

	if (!access->write) {
		access->value = PANIC_EVENTS;
	} else if (access->value & PANICKED) {
		ports->panic(ports->opaque);
		access->park = true;
	}
}

/* A clock that is never updating, and has no time. */
static void on_nothing(void *opaque, struct varch_access *access)
{
	(void)opaque;
	access->value = 0;
}

int varch_power_add(struct varch_power *ports, struct varch_bus *bus, struct vsu_error *err)
{
	const struct varch_range rows[] = {
		{ PORT_SPEAKER, 1, "speaker gate", on_nothing, ports },
		{ CVMM_PORT_I8042, 1, "keyboard controller", on_i8042_command,
		  ports },
		{ PORT_CMOS, 2, "clock memory", on_nothing, ports },
		{ VARCH_PORT_PANIC, 1, "panic port", on_panic, ports },
		{ VARCH_PORT_SLEEP_CONTROL, 3, "sleep ports", on_acpi, ports },
		{ CVMM_PORT_POWER, 4, "power port", on_power, ports },
		{ CVMM_PORT_PARK, 4, "park port", on_park, ports },
		{ CVMM_PORT_CLOCK, 4, "clock port", on_clock, ports },
	};
	unsigned int i;
	int rc = 0;

	ports->start_ns = vsu_now_ns();
	ports->alarm_fd = -1;
	for (i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = varch_bus_add(bus, &rows[i], err);
	return rc;
}

void varch_power_free(struct varch_power *ports)
{
	(void)ports;
}

/* The power button of ACPI's tables has an interrupt of its own. */
void varch_power_note(struct varch_power *ports, enum varch_power_event event)
{
	if (event == VARCH_POWER_BUTTON)
		vsu_event_signal(ports->button_irq_fd);
}

/* No port has a state. */
void varch_power_save(const struct varch_power *ports, struct vsu_state_writer *w)
{
	(void)ports;
	(void)w;
}

int varch_power_load(struct varch_power *ports, const struct vsu_state *state, struct vsu_error *err)
{
	(void)ports;
	(void)state;
	(void)err;
	return 0;
}

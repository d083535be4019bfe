/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices that a guest cannot enumerate: CPUs, the serial port, the power
 * button, the panic port, virtio-mmio transports, and the slots of the PCI bus.
 */
#include <config.h>

#include <stdio.h>

#include <vm-arch/x86/ports.h>

#include "acpi/devices.h"
#include "arch/x86/acpi/dsdt.h"
#include "arch/x86/acpi/madt.h"

#define SLEEP_STATE_OFF 5
#define CPU_CHANGED 1
#define IS_PRESENT 0xf		/* present, enabled, shown and working */

/* Sleep type 5 goes into the sleep control register to power off. */
static void add_power_off(struct varch_aml *aml)
{
	unsigned int i;

	varch_aml_name(aml, "\\_S5");
	varch_aml_package(aml, 4);
	varch_aml_integer(aml, SLEEP_STATE_OFF);
	for (i = 1; i < 4; i++)
		varch_aml_integer(aml, 0);
	varch_aml_end(aml);
}

/* ------------------------------------------------------------------------ CPUs */

#define WORD_BITS 32u

/* Registers of <vm-arch/plug.h>: those of CPUs 0 to 31, then of the others. */
static const char *const present_words[] = { "\\_SB.CPP0", "\\_SB.CPP1" };
static const char *const came_words[] = { "\\_SB.CPC0", "\\_SB.CPC1" };

#define NWORDS (sizeof(present_words) / sizeof(present_words[0]))

static void name_cpu(char name[8], unsigned int i)
{
	snprintf(name, 8, "C%03X", i & 0xfff);
}

/* A CPU that is added later: whether it is there, and its entry of the MADT. */
static void add_presence(struct varch_aml *aml, unsigned int i)
{
	const unsigned char apic[VARCH_ACPI_LAPIC_LEN] = VARCH_ACPI_LAPIC(i, VARCH_ACPI_LAPIC_ENABLED);

	varch_aml_method(aml, "_STA", 0);
	varch_aml_load_local0(aml, present_words[i / WORD_BITS]);
	varch_aml_if_local0_has(aml, UINT32_C(1) << i % WORD_BITS);
	varch_aml_return(aml, IS_PRESENT);
	varch_aml_end(aml);
	varch_aml_return(aml, 0);
	varch_aml_end(aml);
	varch_aml_name(aml, "_MAT");
	varch_aml_bytes(aml, apic, sizeof(apic));
}

static void add_cpu(struct varch_aml *aml, unsigned int i, bool later)
{
	char name[8];

	name_cpu(name, i);
	varch_aml_device(aml, name);
	varch_acpi_string_id(aml, "ACPI0007");
	varch_acpi_uid(aml, i);
	if (later)
		add_presence(aml, i);
	varch_aml_end(aml);
}

/* Notifies the driver of each CPU that was added since the last call. */
static void add_cpu_look(struct varch_aml *aml, const struct varch_board *machine)
{
	const unsigned int n = machine->ncpus + machine->nlater;
	unsigned int word, i;
	char name[8];

	varch_aml_method(aml, "CPUL", 0);
	for (word = 0; word < NWORDS && word * WORD_BITS < n; word++) {
		varch_aml_load_local0(aml, came_words[word]);
		for (i = word * WORD_BITS; i < n && i < (word + 1) * WORD_BITS; i++) {
			if (i < machine->ncpus)
				continue;
			name_cpu(name, i);
			varch_aml_if_local0_has(aml, UINT32_C(1) << i % WORD_BITS);
			varch_aml_notify(aml, name, CPU_CHANGED);
			varch_aml_end(aml);
		}
	}
	varch_aml_end(aml);
}

static void add_cpus(struct varch_aml *aml, const struct varch_board *machine)
{
	unsigned int i;

	if (machine->nlater) {
		varch_aml_region(aml, "CPLG", VARCH_AML_PORTS, VARCH_PORT_CPU_PLUG, VARCH_PORT_CPU_PLUG_LEN);
		varch_aml_fields(aml, "CPLG");
		varch_aml_field32(aml, "CPP0");
		varch_aml_field32(aml, "CPP1");
		varch_aml_field32(aml, "CPC0");
		varch_aml_field32(aml, "CPC1");
		varch_aml_end(aml);
	}
	for (i = 0; i < machine->ncpus + machine->nlater; i++)
		add_cpu(aml, i, i >= machine->ncpus);
	if (machine->nlater)
		add_cpu_look(aml, machine);
}

/* --------------------------------------------------------------------- devices */

static void add_serial(struct varch_aml *aml)
{
	varch_aml_device(aml, "COM1");
	varch_acpi_eisa_id(aml, "PNP0501");
	varch_acpi_uid(aml, 0);
	varch_acpi_begin_resources(aml);
	varch_aml_io(aml, VARCH_PORT_SERIAL, VARCH_PORT_SERIAL_LEN);
	varch_acpi_interrupt(aml, VARCH_SERIAL_IRQ);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

static void add_panic_port(struct varch_aml *aml)
{
	varch_aml_device(aml, "PEVT");
	varch_acpi_string_id(aml, "QEMU0001");
	varch_acpi_uid(aml, 0);
	varch_acpi_begin_resources(aml);
	varch_aml_io(aml, VARCH_PORT_PANIC, 1);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

/* Ports and windows reserved for the machine, without a driver. */
static void add_reserved(struct varch_aml *aml,
			 const struct varch_board *machine)
{
	varch_aml_device(aml, "RES0");
	varch_acpi_eisa_id(aml, "PNP0C02");
	varch_acpi_uid(aml, 0);
	varch_acpi_begin_resources(aml);
	varch_aml_io(aml, VARCH_PORT_POWER, VARCH_PORT_MACHINE_LEN);
	varch_acpi_reserved(aml, machine);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

void varch_acpi_dsdt(const struct varch_board *machine,
		   struct varch_aml *aml)
{
	add_power_off(aml);
	varch_aml_scope(aml, "\\_SB");
	add_cpus(aml, machine);
	add_serial(aml);
	varch_acpi_begin_button(aml);
	varch_aml_end(aml);
	varch_acpi_generation(aml, machine->generation_gpa);
	varch_acpi_events(aml, machine, NULL);
	add_panic_port(aml);
	varch_acpi_transports(aml, machine);
	if (machine->pci) {
		varch_acpi_begin_bus(aml, machine);
		varch_aml_end(aml);
	}
	add_reserved(aml, machine);
	varch_aml_end(aml);
}

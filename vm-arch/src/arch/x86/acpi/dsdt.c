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
static void add_power_off(struct vmm_aml *aml)
{
	unsigned int i;

	vmm_aml_name(aml, "\\_S5");
	vmm_aml_package(aml, 4);
	vmm_aml_integer(aml, SLEEP_STATE_OFF);
	for (i = 1; i < 4; i++)
		vmm_aml_integer(aml, 0);
	vmm_aml_end(aml);
}

/* ------------------------------------------------------------------------ CPUs */

#define WORD_BITS 32u

/* Registers of acpi/cpu_plug.h: those of CPUs 0 to 31, then of the others. */
static const char *const present_words[] = { "\\_SB.CPP0", "\\_SB.CPP1" };
static const char *const came_words[] = { "\\_SB.CPC0", "\\_SB.CPC1" };

#define NWORDS (sizeof(present_words) / sizeof(present_words[0]))

static void name_cpu(char name[8], unsigned int i)
{
	snprintf(name, 8, "C%03X", i & 0xfff);
}

/* A CPU that is added later: whether it is there, and its entry of the MADT. */
static void add_presence(struct vmm_aml *aml, unsigned int i)
{
	const unsigned char apic[VMM_ACPI_LAPIC_LEN] = VMM_ACPI_LAPIC(i, VMM_ACPI_LAPIC_ENABLED);

	vmm_aml_method(aml, "_STA", 0);
	vmm_aml_load_local0(aml, present_words[i / WORD_BITS]);
	vmm_aml_if_local0_has(aml, UINT32_C(1) << i % WORD_BITS);
	vmm_aml_return(aml, IS_PRESENT);
	vmm_aml_end(aml);
	vmm_aml_return(aml, 0);
	vmm_aml_end(aml);
	vmm_aml_name(aml, "_MAT");
	vmm_aml_bytes(aml, apic, sizeof(apic));
}

static void add_cpu(struct vmm_aml *aml, unsigned int i, bool later)
{
	char name[8];

	name_cpu(name, i);
	vmm_aml_device(aml, name);
	vmm_acpi_string_id(aml, "ACPI0007");
	vmm_acpi_uid(aml, i);
	if (later)
		add_presence(aml, i);
	vmm_aml_end(aml);
}

/* Notifies the driver of each CPU that was added since the last call. */
static void add_cpu_look(struct vmm_aml *aml, const struct vmm_board *machine)
{
	const unsigned int n = machine->ncpus + machine->nlater;
	unsigned int word, i;
	char name[8];

	vmm_aml_method(aml, "CPUL", 0);
	for (word = 0; word < NWORDS && word * WORD_BITS < n; word++) {
		vmm_aml_load_local0(aml, came_words[word]);
		for (i = word * WORD_BITS; i < n && i < (word + 1) * WORD_BITS; i++) {
			if (i < machine->ncpus)
				continue;
			name_cpu(name, i);
			vmm_aml_if_local0_has(aml, UINT32_C(1) << i % WORD_BITS);
			vmm_aml_notify(aml, name, CPU_CHANGED);
			vmm_aml_end(aml);
		}
	}
	vmm_aml_end(aml);
}

static void add_cpus(struct vmm_aml *aml, const struct vmm_board *machine)
{
	unsigned int i;

	if (machine->nlater) {
		vmm_aml_region(aml, "CPLG", VMM_AML_PORTS, VMM_PORT_CPU_PLUG, VMM_PORT_CPU_PLUG_LEN);
		vmm_aml_fields(aml, "CPLG");
		vmm_aml_field32(aml, "CPP0");
		vmm_aml_field32(aml, "CPP1");
		vmm_aml_field32(aml, "CPC0");
		vmm_aml_field32(aml, "CPC1");
		vmm_aml_end(aml);
	}
	for (i = 0; i < machine->ncpus + machine->nlater; i++)
		add_cpu(aml, i, i >= machine->ncpus);
	if (machine->nlater)
		add_cpu_look(aml, machine);
}

/* --------------------------------------------------------------------- devices */

static void add_serial(struct vmm_aml *aml)
{
	vmm_aml_device(aml, "COM1");
	vmm_acpi_eisa_id(aml, "PNP0501");
	vmm_acpi_uid(aml, 0);
	vmm_acpi_begin_resources(aml);
	vmm_aml_io(aml, VMM_PORT_SERIAL, VMM_PORT_SERIAL_LEN);
	vmm_acpi_interrupt(aml, VMM_SERIAL_IRQ);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

static void add_panic_port(struct vmm_aml *aml)
{
	vmm_aml_device(aml, "PEVT");
	vmm_acpi_string_id(aml, "QEMU0001");
	vmm_acpi_uid(aml, 0);
	vmm_acpi_begin_resources(aml);
	vmm_aml_io(aml, VMM_PORT_PANIC, 1);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/* Ports and windows reserved for the machine, without a driver. */
static void add_reserved(struct vmm_aml *aml,
			 const struct vmm_board *machine)
{
	vmm_aml_device(aml, "RES0");
	vmm_acpi_eisa_id(aml, "PNP0C02");
	vmm_acpi_uid(aml, 0);
	vmm_acpi_begin_resources(aml);
	vmm_aml_io(aml, VMM_PORT_POWER, VMM_PORT_MACHINE_LEN);
	vmm_acpi_reserved(aml, machine);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

void vmm_acpi_dsdt(const struct vmm_board *machine,
		   struct vmm_aml *aml)
{
	add_power_off(aml);
	vmm_aml_scope(aml, "\\_SB");
	add_cpus(aml, machine);
	add_serial(aml);
	vmm_acpi_begin_button(aml);
	vmm_aml_end(aml);
	vmm_acpi_generation(aml, machine->generation_gpa);
	vmm_acpi_events(aml, machine, NULL);
	add_panic_port(aml);
	vmm_acpi_transports(aml, machine);
	if (machine->pci) {
		vmm_acpi_begin_bus(aml, machine);
		vmm_aml_end(aml);
	}
	add_reserved(aml, machine);
	vmm_aml_end(aml);
}

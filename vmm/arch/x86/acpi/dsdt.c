/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices that a guest cannot enumerate: CPUs, the serial port, the power
 * button, the panic port, virtio-mmio transports, and the slots of the PCI bus.
 */
#include <config.h>

#include <stdio.h>

#include "arch/x86/acpi/dsdt.h"
#include "arch/x86/acpi/madt.h"
#include "arch/x86/port_numbers.h"

#define SLEEP_STATE_OFF 5
#define BUTTON_PRESSED 0x80
#define GENERATION_CHANGED 0x80
#define SLOT_CHANGED 1
#define SLOT_TO_EJECT 3
#define CPU_CHANGED 1
#define IS_PRESENT 0xf		/* present, enabled, shown and working */

static void add_uid(struct vmm_aml *aml, unsigned int uid)
{
	vmm_aml_name(aml, "_UID");
	vmm_aml_integer(aml, uid);
}

static void add_string_id(struct vmm_aml *aml, const char *id)
{
	vmm_aml_name(aml, "_HID");
	vmm_aml_string(aml, id);
}

static void add_eisa_id(struct vmm_aml *aml, const char *id)
{
	vmm_aml_name(aml, "_HID");
	vmm_aml_eisa_id(aml, id);
}

static void begin_resources(struct vmm_aml *aml)
{
	vmm_aml_name(aml, "_CRS");
	vmm_aml_resources(aml);
}

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
	add_string_id(aml, "ACPI0007");
	add_uid(aml, i);
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
		vmm_aml_ports(aml, "CPLG", VMM_PORT_CPU_PLUG, VMM_PORT_CPU_PLUG_LEN);
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
	add_eisa_id(aml, "PNP0501");
	add_uid(aml, 0);
	begin_resources(aml);
	vmm_aml_io(aml, VMM_PORT_SERIAL, VMM_PORT_SERIAL_LEN);
	vmm_aml_interrupt(aml, VMM_SERIAL_IRQ);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

static void add_power_button(struct vmm_aml *aml)
{
	vmm_aml_device(aml, "PWRB");
	add_eisa_id(aml, "PNP0C0C");
	add_uid(aml, 0);
	vmm_aml_end(aml);
}

/*
 * The address of the identifier in memory; drivers match _CID. Linux takes the shorter
 * one only from 6.10 on.
 */
static void add_generation(struct vmm_aml *aml, uint64_t gpa)
{
	vmm_aml_device(aml, "VGEN");
	add_string_id(aml, "CVMM0001");
	vmm_aml_name(aml, "_CID");
	vmm_aml_package(aml, 2);
	vmm_aml_string(aml, "VM_Gen_Counter");
	vmm_aml_string(aml, "VMGENCTR");
	vmm_aml_end(aml);
	vmm_aml_name(aml, "_DDN");
	vmm_aml_string(aml, "VM_Gen_Counter");
	vmm_aml_name(aml, "ADDR");
	vmm_aml_package(aml, 2);
	vmm_aml_integer(aml, gpa & UINT32_MAX);
	vmm_aml_integer(aml, gpa >> 32);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/*
 * The button's interrupt has no register and notifies the button. The other one
 * executes methods that find changed slots and CPUs, and notifies the driver of the VM
 * Generation ID, which compares the identifier.
 */
static void add_events(struct vmm_aml *aml, const struct vmm_board *machine)
{
	vmm_aml_device(aml, "GED0");
	add_string_id(aml, "ACPI0013");
	add_uid(aml, 0);
	begin_resources(aml);
	vmm_aml_interrupt(aml, VMM_BUTTON_IRQ);
	vmm_aml_interrupt(aml, VMM_EVENT_IRQ);
	vmm_aml_end(aml);
	vmm_aml_method(aml, "_EVT", 1);
	vmm_aml_if_arg0_is(aml, VMM_BUTTON_IRQ);
	vmm_aml_notify(aml, "\\_SB.PWRB", BUTTON_PRESSED);
	vmm_aml_end(aml);
	vmm_aml_if_arg0_is(aml, VMM_EVENT_IRQ);
	if (machine->pci)
		vmm_aml_call(aml, "\\_SB.PCI0.LOOK");
	if (machine->nlater)
		vmm_aml_call(aml, "\\_SB.CPUL");
	vmm_aml_notify(aml, "\\_SB.VGEN", GENERATION_CHANGED);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

static void add_panic_port(struct vmm_aml *aml)
{
	vmm_aml_device(aml, "PEVT");
	add_string_id(aml, "QEMU0001");
	add_uid(aml, 0);
	begin_resources(aml);
	vmm_aml_io(aml, VMM_PORT_PANIC, 1);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

static void add_transport(struct vmm_aml *aml, unsigned int i,
			  const struct vmm_board_device *d)
{
	char name[8];

	snprintf(name, sizeof(name), "V%03X", i & 0xfff);
	vmm_aml_device(aml, name);
	add_string_id(aml, "LNRO0005");
	add_uid(aml, i);
	begin_resources(aml);
	vmm_aml_memory32(aml, d->gpa, d->len);
	vmm_aml_interrupt(aml, d->irq);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/*
 * Windows of shared memory are forwarded to the bus: its functions have BARs.
 */
static void add_bus_resources(struct vmm_aml *aml,
			      const struct vmm_board *machine)
{
	const struct vmm_board_pci *pci = machine->pci;
	unsigned int i;

	begin_resources(aml);
	vmm_aml_buses(aml, 0, 0);
	vmm_aml_bridge_memory(aml, pci->window_gpa, pci->window_len);
	for (i = 0; i < machine->nwindows; i++)
		vmm_aml_bridge_memory(aml, machine->windows[i].gpa,
				      machine->windows[i].len);
	vmm_aml_end(aml);
}

/* Each slot's line has an interrupt of its own. */
static void add_routes(struct vmm_aml *aml, const struct vmm_board_pci *pci)
{
	unsigned int i;

	vmm_aml_name(aml, "_PRT");
	vmm_aml_package(aml, (uint8_t)pci->nslots);
	for (i = 0; i < pci->nslots; i++) {
		vmm_aml_package(aml, 4);
		vmm_aml_integer(aml, (uint64_t)pci->slots[i].slot << 16 |
				0xffff);
		vmm_aml_integer(aml, 0);
		vmm_aml_integer(aml, 0);
		vmm_aml_integer(aml, pci->slots[i].irq);
		vmm_aml_end(aml);
	}
	vmm_aml_end(aml);
}

static void name_slot(char name[8], unsigned int slot)
{
	snprintf(name, 8, "S%03X", slot & 0xfff);
}

/* By _EJ0 the guest releases the function. */
static void add_slot(struct vmm_aml *aml, unsigned int slot)
{
	char name[8];

	name_slot(name, slot);
	vmm_aml_device(aml, name);
	vmm_aml_name(aml, "_ADR");
	vmm_aml_integer(aml, (uint64_t)slot << 16);
	vmm_aml_name(aml, "_SUN");
	vmm_aml_integer(aml, slot);
	vmm_aml_method(aml, "_EJ0", 1);
	vmm_aml_store(aml, UINT64_C(1) << slot, "\\_SB.PCI0.EJCT");
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/* Notifies the drivers of the slots whose bits a register contains. */
static void add_look(struct vmm_aml *aml, const struct vmm_board_pci *pci,
		     const char *reg, uint64_t event)
{
	char name[8];
	unsigned int i;

	vmm_aml_load_local0(aml, reg);
	for (i = 0; i < pci->nslots; i++) {
		name_slot(name, pci->slots[i].slot);
		vmm_aml_if_local0_has(aml, UINT32_C(1) << pci->slots[i].slot);
		vmm_aml_notify(aml, name, event);
		vmm_aml_end(aml);
	}
}

/* The registers of acpi/plug.h. */
static void add_plug(struct vmm_aml *aml, const struct vmm_board_pci *pci)
{
	unsigned int i;

	vmm_aml_ports(aml, "PLUG", VMM_PORT_PLUG, VMM_PORT_PLUG_LEN);
	vmm_aml_fields(aml, "PLUG");
	vmm_aml_field32(aml, "CAME");
	vmm_aml_field32(aml, "GOES");
	vmm_aml_field32(aml, "EJCT");
	vmm_aml_end(aml);
	for (i = 0; i < pci->nslots; i++)
		add_slot(aml, pci->slots[i].slot);
	/* in this order, for a slot that was emptied and filled again */
	vmm_aml_method(aml, "LOOK", 0);
	add_look(aml, pci, "GOES", SLOT_TO_EJECT);
	add_look(aml, pci, "CAME", SLOT_CHANGED);
	vmm_aml_end(aml);
}

static void add_bus(struct vmm_aml *aml, const struct vmm_board *machine)
{
	vmm_aml_device(aml, "PCI0");
	add_eisa_id(aml, "PNP0A08");
	vmm_aml_name(aml, "_CID");
	vmm_aml_eisa_id(aml, "PNP0A03");
	add_uid(aml, 0);
	add_bus_resources(aml, machine);
	add_routes(aml, machine->pci);
	add_plug(aml, machine->pci);
	vmm_aml_end(aml);
}

/* Ports and windows reserved for the machine, without a driver. */
static void add_reserved(struct vmm_aml *aml,
			 const struct vmm_board *machine)
{
	unsigned int i;

	vmm_aml_device(aml, "RES0");
	add_eisa_id(aml, "PNP0C02");
	add_uid(aml, 0);
	begin_resources(aml);
	vmm_aml_io(aml, VMM_PORT_POWER, VMM_PORT_MACHINE_LEN);
	for (i = 0; !machine->pci && i < machine->nwindows; i++)
		vmm_aml_memory64(aml, machine->windows[i].gpa,
				 machine->windows[i].len);
	if (machine->pci)
		vmm_aml_memory32(aml, machine->pci->ecam_gpa,
				 machine->pci->ecam_len);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

void vmm_acpi_dsdt(const struct vmm_board *machine,
		   struct vmm_aml *aml)
{
	unsigned int i;

	add_power_off(aml);
	vmm_aml_scope(aml, "\\_SB");
	add_cpus(aml, machine);
	add_serial(aml);
	add_power_button(aml);
	add_generation(aml, machine->generation_gpa);
	add_events(aml, machine);
	add_panic_port(aml);
	for (i = 0; i < machine->ndevices; i++)
		add_transport(aml, i, &machine->devices[i]);
	if (machine->pci)
		add_bus(aml, machine);
	add_reserved(aml, machine);
	vmm_aml_end(aml);
}

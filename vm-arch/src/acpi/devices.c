/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Devices that a guest of any architecture cannot enumerate. */
#include <config.h>

#include <stdio.h>

#include <vm-arch/layout.h>

#include "acpi/devices.h"

#define BUTTON_PRESSED 0x80
#define GENERATION_CHANGED 0x80
#define SLOT_CHANGED 1
#define SLOT_TO_EJECT 3

void vmm_acpi_uid(struct vmm_aml *aml, unsigned int uid)
{
	vmm_aml_name(aml, "_UID");
	vmm_aml_integer(aml, uid);
}

void vmm_acpi_string_id(struct vmm_aml *aml, const char *id)
{
	vmm_aml_name(aml, "_HID");
	vmm_aml_string(aml, id);
}

void vmm_acpi_eisa_id(struct vmm_aml *aml, const char *id)
{
	vmm_aml_name(aml, "_HID");
	vmm_aml_eisa_id(aml, id);
}

void vmm_acpi_begin_resources(struct vmm_aml *aml)
{
	vmm_aml_name(aml, "_CRS");
	vmm_aml_resources(aml);
}

void vmm_acpi_interrupt(struct vmm_aml *aml, uint32_t irq)
{
	vmm_aml_interrupt(aml, VMM_GSI(irq));
}

void vmm_acpi_begin_button(struct vmm_aml *aml)
{
	vmm_aml_device(aml, "PWRB");
	vmm_acpi_eisa_id(aml, "PNP0C0C");
	vmm_acpi_uid(aml, 0);
}

/*
 * The address of the identifier in memory; drivers match _CID. Linux takes the shorter
 * one only from 6.10 on.
 */
void vmm_acpi_generation(struct vmm_aml *aml, uint64_t gpa)
{
	vmm_aml_device(aml, "VGEN");
	vmm_acpi_string_id(aml, "CVMM0001");
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
 * The button's interrupt notifies the button. The other one executes methods that find changed
 * slots and CPUs, and notifies the driver of the VM Generation ID, which compares the identifier.
 */
void vmm_acpi_events(struct vmm_aml *aml, const struct vmm_board *board, const char *take)
{
	vmm_aml_device(aml, "GED0");
	vmm_acpi_string_id(aml, "ACPI0013");
	vmm_acpi_uid(aml, 0);
	vmm_acpi_begin_resources(aml);
	vmm_acpi_interrupt(aml, VMM_BUTTON_IRQ);
	vmm_acpi_interrupt(aml, VMM_EVENT_IRQ);
	vmm_aml_end(aml);
	vmm_aml_method(aml, "_EVT", 1);
	vmm_aml_if_arg_is(aml, 0, VMM_GSI(VMM_BUTTON_IRQ));
	if (take)
		vmm_aml_call(aml, take);
	vmm_aml_notify(aml, "\\_SB.PWRB", BUTTON_PRESSED);
	vmm_aml_end(aml);
	vmm_aml_if_arg_is(aml, 0, VMM_GSI(VMM_EVENT_IRQ));
	if (board->pci)
		vmm_aml_call(aml, "\\_SB.PCI0.LOOK");
	if (board->nlater)
		vmm_aml_call(aml, "\\_SB.CPUL");
	vmm_aml_notify(aml, "\\_SB.VGEN", GENERATION_CHANGED);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/* Its requests see the caches of the CPUs, which not every architecture takes for granted. */
static void add_coherency(struct vmm_aml *aml)
{
	vmm_aml_name(aml, "_CCA");
	vmm_aml_integer(aml, 1);
}

static void add_transport(struct vmm_aml *aml, unsigned int i,
			  const struct vmm_board_device *d)
{
	char name[8];

	snprintf(name, sizeof(name), "V%03X", i & 0xfff);
	vmm_aml_device(aml, name);
	vmm_acpi_string_id(aml, "LNRO0005");
	vmm_acpi_uid(aml, i);
	add_coherency(aml);
	vmm_acpi_begin_resources(aml);
	vmm_aml_memory32(aml, d->gpa, d->len);
	vmm_acpi_interrupt(aml, d->irq);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

void vmm_acpi_transports(struct vmm_aml *aml, const struct vmm_board *board)
{
	unsigned int i;

	for (i = 0; i < board->ndevices; i++)
		add_transport(aml, i, &board->devices[i]);
}

/*
 * Windows of shared memory are forwarded to the bus: its functions have BARs.
 */
static void add_bus_resources(struct vmm_aml *aml,
			      const struct vmm_board *board)
{
	const struct vmm_board_pci *pci = board->pci;
	unsigned int i;

	vmm_acpi_begin_resources(aml);
	vmm_aml_buses(aml, 0, 0);
	vmm_aml_bridge_memory(aml, pci->window_gpa, pci->window_len);
	for (i = 0; i < board->nwindows; i++)
		vmm_aml_bridge_memory(aml, board->windows[i].gpa,
				      board->windows[i].len);
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
		vmm_aml_integer(aml, VMM_GSI(pci->slots[i].irq));
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

	vmm_aml_region(aml, "PLUG", VMM_HAS_PORTS ? VMM_AML_PORTS : VMM_AML_MEMORY, VMM_PLUG_AT, VMM_PLUG_LEN);
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

void vmm_acpi_begin_bus(struct vmm_aml *aml, const struct vmm_board *board)
{
	vmm_aml_device(aml, "PCI0");
	vmm_acpi_eisa_id(aml, "PNP0A08");
	vmm_aml_name(aml, "_CID");
	vmm_aml_eisa_id(aml, "PNP0A03");
	vmm_acpi_uid(aml, 0);
	add_coherency(aml);
	add_bus_resources(aml, board);
	add_routes(aml, board->pci);
	add_plug(aml, board->pci);
}

void vmm_acpi_reserved(struct vmm_aml *aml, const struct vmm_board *board)
{
	unsigned int i;

	for (i = 0; !board->pci && i < board->nwindows; i++)
		vmm_aml_memory64(aml, board->windows[i].gpa, board->windows[i].len);
	if (board->pci)
		vmm_aml_memory32(aml, board->pci->ecam_gpa, board->pci->ecam_len);
}

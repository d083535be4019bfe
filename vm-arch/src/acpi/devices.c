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

void varch_acpi_uid(struct varch_aml *aml, unsigned int uid)
{
	varch_aml_name(aml, "_UID");
	varch_aml_integer(aml, uid);
}

void varch_acpi_string_id(struct varch_aml *aml, const char *id)
{
	varch_aml_name(aml, "_HID");
	varch_aml_string(aml, id);
}

void varch_acpi_eisa_id(struct varch_aml *aml, const char *id)
{
	varch_aml_name(aml, "_HID");
	varch_aml_eisa_id(aml, id);
}

void varch_acpi_begin_resources(struct varch_aml *aml)
{
	varch_aml_name(aml, "_CRS");
	varch_aml_resources(aml);
}

void varch_acpi_interrupt(struct varch_aml *aml, uint32_t irq)
{
	varch_aml_interrupt(aml, VARCH_GSI(irq));
}

void varch_acpi_begin_button(struct varch_aml *aml)
{
	varch_aml_device(aml, "PWRB");
	varch_acpi_eisa_id(aml, "PNP0C0C");
	varch_acpi_uid(aml, 0);
}

/*
 * The address of the identifier in memory; drivers match _CID. Linux takes the shorter
 * one only from 6.10 on.
 */
void varch_acpi_generation(struct varch_aml *aml, uint64_t gpa)
{
	varch_aml_device(aml, "VGEN");
	varch_acpi_string_id(aml, "CVMM0001");
	varch_aml_name(aml, "_CID");
	varch_aml_package(aml, 2);
	varch_aml_string(aml, "VM_Gen_Counter");
	varch_aml_string(aml, "VMGENCTR");
	varch_aml_end(aml);
	varch_aml_name(aml, "_DDN");
	varch_aml_string(aml, "VM_Gen_Counter");
	varch_aml_name(aml, "ADDR");
	varch_aml_package(aml, 2);
	varch_aml_integer(aml, gpa & UINT32_MAX);
	varch_aml_integer(aml, gpa >> 32);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

/*
 * The button's interrupt notifies the button. The other one executes methods that find changed
 * slots and CPUs, and notifies the driver of the VM Generation ID, which compares the identifier.
 */
void varch_acpi_events(struct varch_aml *aml, const struct varch_board *board, const char *take)
{
	varch_aml_device(aml, "GED0");
	varch_acpi_string_id(aml, "ACPI0013");
	varch_acpi_uid(aml, 0);
	varch_acpi_begin_resources(aml);
	varch_acpi_interrupt(aml, VARCH_BUTTON_IRQ);
	varch_acpi_interrupt(aml, VARCH_EVENT_IRQ);
	varch_aml_end(aml);
	varch_aml_method(aml, "_EVT", 1);
	varch_aml_if_arg_is(aml, 0, VARCH_GSI(VARCH_BUTTON_IRQ));
	if (take)
		varch_aml_call(aml, take);
	varch_aml_notify(aml, "\\_SB.PWRB", BUTTON_PRESSED);
	varch_aml_end(aml);
	varch_aml_if_arg_is(aml, 0, VARCH_GSI(VARCH_EVENT_IRQ));
	if (board->pci)
		varch_aml_call(aml, "\\_SB.PCI0.LOOK");
	if (board->nlater)
		varch_aml_call(aml, "\\_SB.CPUL");
	varch_aml_notify(aml, "\\_SB.VGEN", GENERATION_CHANGED);
	varch_aml_end(aml);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

/* Its requests see the caches of the CPUs, which not every architecture takes for granted. */
static void add_coherency(struct varch_aml *aml)
{
	varch_aml_name(aml, "_CCA");
	varch_aml_integer(aml, 1);
}

static void add_transport(struct varch_aml *aml, unsigned int i,
			  const struct varch_board_device *d)
{
	char name[8];

	snprintf(name, sizeof(name), "V%03X", i & 0xfff);
	varch_aml_device(aml, name);
	varch_acpi_string_id(aml, "LNRO0005");
	varch_acpi_uid(aml, i);
	add_coherency(aml);
	varch_acpi_begin_resources(aml);
	varch_aml_memory32(aml, d->gpa, d->len);
	varch_acpi_interrupt(aml, d->irq);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

void varch_acpi_transports(struct varch_aml *aml, const struct varch_board *board)
{
	unsigned int i;

	for (i = 0; i < board->ndevices; i++)
		add_transport(aml, i, &board->devices[i]);
}

/*
 * Windows of shared memory are forwarded to the bus: its functions have BARs.
 */
static void add_bus_resources(struct varch_aml *aml,
			      const struct varch_board *board)
{
	const struct varch_board_pci *pci = board->pci;
	unsigned int i;

	varch_acpi_begin_resources(aml);
	varch_aml_buses(aml, 0, 0);
	varch_aml_bridge_memory(aml, pci->window_gpa, pci->window_len);
	for (i = 0; i < board->nwindows; i++)
		varch_aml_bridge_memory(aml, board->windows[i].gpa,
				      board->windows[i].len);
	varch_aml_end(aml);
}

/* Each slot's line has an interrupt of its own. */
static void add_routes(struct varch_aml *aml, const struct varch_board_pci *pci)
{
	unsigned int i;

	varch_aml_name(aml, "_PRT");
	varch_aml_package(aml, (uint8_t)pci->nslots);
	for (i = 0; i < pci->nslots; i++) {
		varch_aml_package(aml, 4);
		varch_aml_integer(aml, (uint64_t)pci->slots[i].slot << 16 |
				0xffff);
		varch_aml_integer(aml, 0);
		varch_aml_integer(aml, 0);
		varch_aml_integer(aml, VARCH_GSI(pci->slots[i].irq));
		varch_aml_end(aml);
	}
	varch_aml_end(aml);
}

static void name_slot(char name[8], unsigned int slot)
{
	snprintf(name, 8, "S%03X", slot & 0xfff);
}

/* By _EJ0 the guest releases the function. */
static void add_slot(struct varch_aml *aml, unsigned int slot)
{
	char name[8];

	name_slot(name, slot);
	varch_aml_device(aml, name);
	varch_aml_name(aml, "_ADR");
	varch_aml_integer(aml, (uint64_t)slot << 16);
	varch_aml_name(aml, "_SUN");
	varch_aml_integer(aml, slot);
	varch_aml_method(aml, "_EJ0", 1);
	varch_aml_store(aml, UINT64_C(1) << slot, "\\_SB.PCI0.EJCT");
	varch_aml_end(aml);
	varch_aml_end(aml);
}

/* Notifies the drivers of the slots whose bits a register contains. */
static void add_look(struct varch_aml *aml, const struct varch_board_pci *pci,
		     const char *reg, uint64_t event)
{
	char name[8];
	unsigned int i;

	varch_aml_load_local0(aml, reg);
	for (i = 0; i < pci->nslots; i++) {
		name_slot(name, pci->slots[i].slot);
		varch_aml_if_local0_has(aml, UINT32_C(1) << pci->slots[i].slot);
		varch_aml_notify(aml, name, event);
		varch_aml_end(aml);
	}
}

/* The registers of <vm-arch/plug.h>. */
static void add_plug(struct varch_aml *aml, const struct varch_board_pci *pci)
{
	unsigned int i;

	varch_aml_region(aml, "PLUG", VARCH_HAS_PORTS ? VARCH_AML_PORTS : VARCH_AML_MEMORY, VARCH_PLUG_AT, VARCH_PLUG_LEN);
	varch_aml_fields(aml, "PLUG");
	varch_aml_field32(aml, "CAME");
	varch_aml_field32(aml, "GOES");
	varch_aml_field32(aml, "EJCT");
	varch_aml_end(aml);
	for (i = 0; i < pci->nslots; i++)
		add_slot(aml, pci->slots[i].slot);
	/* in this order, for a slot that was emptied and filled again */
	varch_aml_method(aml, "LOOK", 0);
	add_look(aml, pci, "GOES", SLOT_TO_EJECT);
	add_look(aml, pci, "CAME", SLOT_CHANGED);
	varch_aml_end(aml);
}

void varch_acpi_begin_bus(struct varch_aml *aml, const struct varch_board *board)
{
	varch_aml_device(aml, "PCI0");
	varch_acpi_eisa_id(aml, "PNP0A08");
	varch_aml_name(aml, "_CID");
	varch_aml_eisa_id(aml, "PNP0A03");
	varch_acpi_uid(aml, 0);
	add_coherency(aml);
	add_bus_resources(aml, board);
	add_routes(aml, board->pci);
	add_plug(aml, board->pci);
}

void varch_acpi_reserved(struct varch_aml *aml, const struct varch_board *board)
{
	unsigned int i;

	for (i = 0; !board->pci && i < board->nwindows; i++)
		varch_aml_memory64(aml, board->windows[i].gpa, board->windows[i].len);
	if (board->pci)
		varch_aml_memory32(aml, board->pci->ecam_gpa, board->pci->ecam_len);
}

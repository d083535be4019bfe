/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * CPUs, the serial port, the button behind its pin, and the parts of acpi/devices.h. The machine is
 * switched off by PSCI, and the real-time clock has no identifier for which drivers look.
 */
#include <config.h>

#include <stdio.h>

#include <vm-arch/layout.h>

#include "acpi/devices.h"
#include "arch/arm64/acpi/dsdt.h"
#include "arch/arm64/pl061.h"
#include "arch/arm64/primecell.h"

#define BUTTON (1u << VARCH_PL061_BUTTON)
#define AT_BUTTON (BUTTON << 2)	/* the register of this pin's value alone */
#define AT_EDGES 0x40cu		/* rising edges, then which interrupt, two more, and a register to clear them */
#define EDGES_LEN 20
#define FUNCTION_LIST 0
#define FUNCTION_KEEP 5		/* 0: the system shall keep the addresses of functions */

static void add_cpus(struct varch_aml *aml, const struct varch_board *board)
{
	unsigned int i;
	char name[8];

	for (i = 0; i < board->ncpus; i++) {
		snprintf(name, sizeof(name), "C%03X", i & 0xfff);
		varch_aml_device(aml, name);
		varch_acpi_string_id(aml, "ACPI0007");
		varch_acpi_uid(aml, i);
		varch_aml_end(aml);
	}
}

static void add_serial(struct varch_aml *aml)
{
	varch_aml_device(aml, "COM1");
	varch_acpi_eisa_id(aml, "PNP0501");
	varch_acpi_uid(aml, 0);
	varch_acpi_begin_resources(aml);
	varch_aml_memory32(aml, VARCH_SERIAL_AT, VARCH_SERIAL_REGISTERS_LEN);
	varch_acpi_interrupt(aml, VARCH_SERIAL_IRQ);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

/* A press interrupts when its pin rises, and lasts until the pin was read. */
static void add_button(struct varch_aml *aml)
{
	varch_acpi_begin_button(aml);
	varch_aml_region(aml, "PINV", VARCH_AML_MEMORY, VARCH_PINS_GPA + AT_BUTTON, 4);
	varch_aml_fields(aml, "PINV");
	varch_aml_field32(aml, "PIN");
	varch_aml_end(aml);
	varch_aml_region(aml, "PINE", VARCH_AML_MEMORY, VARCH_PINS_GPA + AT_EDGES, EDGES_LEN);
	varch_aml_fields(aml, "PINE");
	varch_aml_field32(aml, "RISE");
	varch_aml_field32(aml, "ENAB");
	varch_aml_field32(aml, "RAIS");
	varch_aml_field32(aml, "PEND");
	varch_aml_field32(aml, "CLEA");
	varch_aml_end(aml);
	varch_aml_method(aml, "_INI", 0);
	varch_aml_store(aml, BUTTON, "RISE");
	varch_aml_call(aml, "TAKE");
	varch_aml_store(aml, BUTTON, "ENAB");
	varch_aml_end(aml);
	varch_aml_method(aml, "TAKE", 0);
	varch_aml_load_local0(aml, "PIN");
	varch_aml_if_local0_has(aml, BUTTON);
	varch_aml_store(aml, BUTTON, "CLEA");
	varch_aml_end(aml);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

/*
 * Keeps the addresses of BARs that this program has assigned (PCI Firmware 3.3, section 4.6.5):
 * otherwise the system assigns new ones.
 */
static void add_kept_addresses(struct varch_aml *aml)
{
	static const unsigned char guid[16] = {
		0xd0, 0x37, 0xc9, 0xe5, 0x53, 0x35, 0x7a, 0x4d, 0x91, 0x17, 0xea, 0x4d, 0x19, 0xc3, 0x43, 0x4d,
	};
	static const unsigned char none = 0, functions = 1u << FUNCTION_LIST | 1u << FUNCTION_KEEP;

	varch_aml_method(aml, "_DSM", 4);
	varch_aml_if_arg0_is_bytes(aml, guid, sizeof(guid));
	varch_aml_if_arg_is(aml, 2, FUNCTION_LIST);
	varch_aml_return_bytes(aml, &functions, 1);
	varch_aml_end(aml);
	varch_aml_if_arg_is(aml, 2, FUNCTION_KEEP);
	varch_aml_return(aml, 0);
	varch_aml_end(aml);
	varch_aml_end(aml);
	varch_aml_return_bytes(aml, &none, 1);
	varch_aml_end(aml);
}

static void add_bus(struct varch_aml *aml, const struct varch_board *board)
{
	varch_acpi_begin_bus(aml, board);
	varch_aml_name(aml, "_SEG");
	varch_aml_integer(aml, 0);
	varch_aml_name(aml, "_BBN");
	varch_aml_integer(aml, 0);
	add_kept_addresses(aml);
	varch_aml_end(aml);
}

static void add_reserved(struct varch_aml *aml, const struct varch_board *board)
{
	varch_aml_device(aml, "RES0");
	varch_acpi_eisa_id(aml, "PNP0C02");
	varch_acpi_uid(aml, 0);
	varch_acpi_begin_resources(aml);
	varch_aml_memory32(aml, VARCH_MACHINE_GPA, VARCH_MACHINE_LEN);
	varch_aml_memory32(aml, VARCH_CLOCK_GPA, VARCH_PRIMECELL_LEN);
	varch_aml_memory32(aml, VARCH_PINS_GPA, VARCH_PRIMECELL_LEN);
	varch_acpi_reserved(aml, board);
	varch_aml_end(aml);
	varch_aml_end(aml);
}

void varch_arm64_dsdt(const struct varch_board *board, struct varch_aml *aml)
{
	varch_aml_scope(aml, "\\_SB");
	add_cpus(aml, board);
	add_serial(aml);
	add_button(aml);
	varch_acpi_generation(aml, board->generation_gpa);
	varch_acpi_events(aml, board, "\\_SB.PWRB.TAKE");
	varch_acpi_transports(aml, board);
	if (board->pci)
		add_bus(aml, board);
	add_reserved(aml, board);
	varch_aml_end(aml);
}

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

#define BUTTON (1u << VMM_PL061_BUTTON)
#define AT_BUTTON (BUTTON << 2)	/* the register of this pin's value alone */
#define AT_EDGES 0x40cu		/* rising edges, then which interrupt, two more, and a register to clear them */
#define EDGES_LEN 20
#define FUNCTION_LIST 0
#define FUNCTION_KEEP 5		/* 0: the system shall keep the addresses of functions */

static void add_cpus(struct vmm_aml *aml, const struct vmm_board *board)
{
	unsigned int i;
	char name[8];

	for (i = 0; i < board->ncpus; i++) {
		snprintf(name, sizeof(name), "C%03X", i & 0xfff);
		vmm_aml_device(aml, name);
		vmm_acpi_string_id(aml, "ACPI0007");
		vmm_acpi_uid(aml, i);
		vmm_aml_end(aml);
	}
}

static void add_serial(struct vmm_aml *aml)
{
	vmm_aml_device(aml, "COM1");
	vmm_acpi_eisa_id(aml, "PNP0501");
	vmm_acpi_uid(aml, 0);
	vmm_acpi_begin_resources(aml);
	vmm_aml_memory32(aml, VMM_SERIAL_AT, VMM_SERIAL_LEN);
	vmm_acpi_interrupt(aml, VMM_SERIAL_IRQ);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/* A press interrupts when its pin rises, and lasts until the pin was read. */
static void add_button(struct vmm_aml *aml)
{
	vmm_acpi_begin_button(aml);
	vmm_aml_region(aml, "PINV", VMM_AML_MEMORY, VMM_PINS_GPA + AT_BUTTON, 4);
	vmm_aml_fields(aml, "PINV");
	vmm_aml_field32(aml, "PIN");
	vmm_aml_end(aml);
	vmm_aml_region(aml, "PINE", VMM_AML_MEMORY, VMM_PINS_GPA + AT_EDGES, EDGES_LEN);
	vmm_aml_fields(aml, "PINE");
	vmm_aml_field32(aml, "RISE");
	vmm_aml_field32(aml, "ENAB");
	vmm_aml_field32(aml, "RAIS");
	vmm_aml_field32(aml, "PEND");
	vmm_aml_field32(aml, "CLEA");
	vmm_aml_end(aml);
	vmm_aml_method(aml, "_INI", 0);
	vmm_aml_store(aml, BUTTON, "RISE");
	vmm_aml_call(aml, "TAKE");
	vmm_aml_store(aml, BUTTON, "ENAB");
	vmm_aml_end(aml);
	vmm_aml_method(aml, "TAKE", 0);
	vmm_aml_load_local0(aml, "PIN");
	vmm_aml_if_local0_has(aml, BUTTON);
	vmm_aml_store(aml, BUTTON, "CLEA");
	vmm_aml_end(aml);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

/*
 * Keeps the addresses of BARs that this program has assigned (PCI Firmware 3.3, section 4.6.5):
 * otherwise the system assigns new ones.
 */
static void add_kept_addresses(struct vmm_aml *aml)
{
	static const unsigned char guid[16] = {
		0xd0, 0x37, 0xc9, 0xe5, 0x53, 0x35, 0x7a, 0x4d, 0x91, 0x17, 0xea, 0x4d, 0x19, 0xc3, 0x43, 0x4d,
	};
	static const unsigned char none = 0, functions = 1u << FUNCTION_LIST | 1u << FUNCTION_KEEP;

	vmm_aml_method(aml, "_DSM", 4);
	vmm_aml_if_arg0_is_bytes(aml, guid, sizeof(guid));
	vmm_aml_if_arg_is(aml, 2, FUNCTION_LIST);
	vmm_aml_return_bytes(aml, &functions, 1);
	vmm_aml_end(aml);
	vmm_aml_if_arg_is(aml, 2, FUNCTION_KEEP);
	vmm_aml_return(aml, 0);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
	vmm_aml_return_bytes(aml, &none, 1);
	vmm_aml_end(aml);
}

static void add_bus(struct vmm_aml *aml, const struct vmm_board *board)
{
	vmm_acpi_begin_bus(aml, board);
	vmm_aml_name(aml, "_SEG");
	vmm_aml_integer(aml, 0);
	vmm_aml_name(aml, "_BBN");
	vmm_aml_integer(aml, 0);
	add_kept_addresses(aml);
	vmm_aml_end(aml);
}

static void add_reserved(struct vmm_aml *aml, const struct vmm_board *board)
{
	vmm_aml_device(aml, "RES0");
	vmm_acpi_eisa_id(aml, "PNP0C02");
	vmm_acpi_uid(aml, 0);
	vmm_acpi_begin_resources(aml);
	vmm_aml_memory32(aml, VMM_MACHINE_GPA, VMM_MACHINE_LEN);
	vmm_aml_memory32(aml, VMM_CLOCK_GPA, VMM_PRIMECELL_LEN);
	vmm_aml_memory32(aml, VMM_PINS_GPA, VMM_PRIMECELL_LEN);
	vmm_acpi_reserved(aml, board);
	vmm_aml_end(aml);
	vmm_aml_end(aml);
}

void vmm_arm64_dsdt(const struct vmm_board *board, struct vmm_aml *aml)
{
	vmm_aml_scope(aml, "\\_SB");
	add_cpus(aml, board);
	add_serial(aml);
	add_button(aml);
	vmm_acpi_generation(aml, board->generation_gpa);
	vmm_acpi_events(aml, board, "\\_SB.PWRB.TAKE");
	vmm_acpi_transports(aml, board);
	if (board->pci)
		add_bus(aml, board);
	add_reserved(aml, board);
	vmm_aml_end(aml);
}

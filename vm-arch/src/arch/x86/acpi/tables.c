/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Field offsets are those of ACPI 6.4. */
#include <config.h>

#include <string.h>

#include <vm-arch/x86/ports.h>
#include <vmm-sys-util/endian.h>

#include "acpi/block.h"
#include "arch/x86/acpi/dsdt.h"
#include "arch/x86/acpi/madt.h"
#include "arch/x86/acpi/tables.h"

/* FADT: no VGA, no CMOS clock; the button is a device; no fixed hardware. */
#define BOOT_NO_VGA (1u << 2)
#define BOOT_NO_CMOS (1u << 5)
#define FADT_WBINVD (1u << 0)
#define FADT_BUTTON_IS_DEVICE (1u << 4)
#define FADT_SLEEP_IS_DEVICE (1u << 5)
#define FADT_RESET_REGISTER (1u << 10)
#define FADT_HEADLESS (1u << 12)
#define FADT_REDUCED (1u << 20)

#define LAPIC_GPA 0xfee00000u
#define IOAPIC_GPA 0xfec00000u
#define ALL_CPUS 0xff
#define NMI_PIN 1

/* The address of a one-byte port in I/O space. */
static void put_port(unsigned char *at, uint16_t port)
{
	at[0] = 1;		/* I/O space */
	at[1] = 8;		/* bits */
	at[3] = 1;		/* accessed as bytes */
	vsu_le_store(at + 4, port, 8);
}

static void add_fadt(struct varch_acpi_block *b, struct varch_acpi_layout *out)
{
	unsigned char t[VARCH_ACPI_FADT_LEN] = { 0 };

	vsu_le_store(t + 109, BOOT_NO_VGA | BOOT_NO_CMOS, 2);
	vsu_le_store(t + 112, FADT_WBINVD | FADT_BUTTON_IS_DEVICE |
	       FADT_SLEEP_IS_DEVICE | FADT_RESET_REGISTER | FADT_HEADLESS |
	       FADT_REDUCED, 4);
	put_port(t + 116, VARCH_PORT_RESET);
	t[128] = VARCH_RESET_VALUE;
	put_port(t + 244, VARCH_PORT_SLEEP_CONTROL);
	put_port(t + 256, VARCH_PORT_SLEEP_STATUS);
	varch_acpi_add_fadt(b, t, &out->dsdt, &out->fadt);
}

static void add_lapic(struct varch_acpi_block *b, unsigned int number, unsigned char flags)
{
	const unsigned char entry[VARCH_ACPI_LAPIC_LEN] = VARCH_ACPI_LAPIC(number, flags);

	varch_acpi_append(b, entry, sizeof(entry));
}

static void add_madt(struct varch_acpi_block *b, const struct varch_board *machine,
		     struct varch_acpi_table *table)
{
	unsigned char fixed[8] = { 0 };
	unsigned char ioapic[12] = { 1, 12 };
	const unsigned char nmi[6] = { 4, 6, ALL_CPUS, 0, 0, NMI_PIN };
	unsigned int i;

	*table = varch_acpi_begin_table(b, "APIC", 5);
	vsu_le_store(fixed, LAPIC_GPA, 4);
	varch_acpi_append(b, fixed, sizeof(fixed));
	for (i = 0; i < machine->ncpus; i++)
		add_lapic(b, i, VARCH_ACPI_LAPIC_ENABLED);
	for (; i < machine->ncpus + machine->nlater; i++)
		add_lapic(b, i, VARCH_ACPI_LAPIC_ONLINE_CAPABLE);
	vsu_le_store(ioapic + 4, IOAPIC_GPA, 4);
	varch_acpi_append(b, ioapic, sizeof(ioapic));
	varch_acpi_append(b, nmi, sizeof(nmi));
	varch_acpi_end_table(b, table);
}

int varch_acpi_build(const struct varch_board *machine, uint32_t gpa,
		   void *bytes, size_t size, struct varch_acpi_layout *out,
		   struct vsu_error *err)
{
	const struct varch_acpi_table *const tables[] = { &out->fadt, &out->madt, &out->mcfg };
	struct varch_acpi_block b;

	memset(out, 0, sizeof(*out));
	varch_acpi_block_init(&b, gpa, bytes, size);
	varch_acpi_add_dsdt(&b, varch_acpi_dsdt, machine, &out->dsdt);
	add_fadt(&b, out);
	add_madt(&b, machine, &out->madt);
	if (machine->pci)
		varch_acpi_add_mcfg(&b, machine->pci, &out->mcfg);
	varch_acpi_add_xsdt(&b, tables, sizeof(tables) / sizeof(tables[0]), &out->xsdt);
	out->len = b.len;
	return varch_acpi_finish(&b, &out->xsdt, &out->rsdp, err);
}

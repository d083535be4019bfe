/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tables are written consecutively, the root table last because it contains the
 * addresses of the others. Field offsets are those of ACPI 6.4.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "arch/x86/acpi/dsdt.h"
#include "arch/x86/acpi/madt.h"
#include "arch/x86/acpi/tables.h"
#include "arch/x86/port_numbers.h"

#define HEADER 36		/* size of the header of all tables except RSDP */
#define ALIGN 16
#define RSDP_LEN 36
#define FADT_LEN 276

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

struct block {
	unsigned char *bytes;
	size_t size, len;
	uint32_t gpa;
	bool full;
};

static void put_le(unsigned char *at, uint64_t value, unsigned int n)
{
	for (; n; n--, value >>= 8)
		*at++ = (unsigned char)value;
}

static void block_append(struct block *b, const void *bytes, size_t n)
{
	if (b->size - b->len < n)
		b->full = true;
	if (b->full)
		return;
	memcpy(b->bytes + b->len, bytes, n);
	b->len += n;
}

/* All bytes of a table sum up to 0. */
static uint8_t table_checksum(const unsigned char *bytes, size_t n)
{
	uint8_t sum = 0;

	while (n--)
		sum = (uint8_t)(sum + *bytes++);
	return (uint8_t)-sum;
}

static struct vmm_acpi_table begin_table(struct block *b,
					 const char *signature,
					 uint8_t revision)
{
	static const unsigned char zeros[ALIGN];
	unsigned char h[HEADER] = { 0 };
	struct vmm_acpi_table table;

	block_append(b, zeros, -b->len % ALIGN);
	table.offset = b->len;
	memcpy(h, signature, 4);
	h[8] = revision;
	memcpy(h + 10, "CVMM  CVMM    ", 14);
	put_le(h + 24, 1, 4);
	memcpy(h + 28, "CVMM", 4);
	put_le(h + 32, 1, 4);
	block_append(b, h, sizeof(h));
	return table;
}

static void end_table(struct block *b, struct vmm_acpi_table *table)
{
	unsigned char *h = b->bytes + table->offset;

	table->len = b->len - table->offset;
	if (b->full)
		return;
	put_le(h + 4, table->len, 4);
	h[9] = table_checksum(h, table->len);
}

static uint64_t table_gpa(const struct block *b, const struct vmm_acpi_table *t)
{
	return b->gpa + t->offset;
}

static int add_dsdt(struct block *b, const struct vmm_board *machine,
		    struct vmm_acpi_table *table)
{
	struct vmm_aml aml;
	size_t len = 0;
	int rc;

	*table = begin_table(b, "DSDT", 2);
	vmm_aml_init(&aml, b->bytes + b->len, b->size - b->len);
	vmm_acpi_dsdt(machine, &aml);
	rc = vmm_aml_finish(&aml, &len);
	b->len += len;
	end_table(b, table);
	return rc;
}

/* The address of a one-byte port in I/O space. */
static void put_port(unsigned char *at, uint16_t port)
{
	at[0] = 1;		/* I/O space */
	at[1] = 8;		/* bits */
	at[3] = 1;		/* accessed as bytes */
	put_le(at + 4, port, 8);
}

static void add_fadt(struct block *b, struct vmm_acpi_layout *out)
{
	unsigned char t[FADT_LEN] = { 0 };
	const uint64_t dsdt = table_gpa(b, &out->dsdt);

	out->fadt = begin_table(b, "FACP", 6);
	put_le(t + 40, dsdt, 4);
	put_le(t + 109, BOOT_NO_VGA | BOOT_NO_CMOS, 2);
	put_le(t + 112, FADT_WBINVD | FADT_BUTTON_IS_DEVICE |
	       FADT_SLEEP_IS_DEVICE | FADT_RESET_REGISTER | FADT_HEADLESS |
	       FADT_REDUCED, 4);
	put_port(t + 116, VMM_PORT_RESET);
	t[128] = VMM_RESET_VALUE;
	put_le(t + 140, dsdt, 8);
	put_port(t + 244, VMM_PORT_SLEEP_CONTROL);
	put_port(t + 256, VMM_PORT_SLEEP_STATUS);
	memcpy(t + 268, "CVMM", 4);	/* creator id */
	block_append(b, t + HEADER, sizeof(t) - HEADER);
	end_table(b, &out->fadt);
}

static void add_lapic(struct block *b, unsigned int number, unsigned char flags)
{
	const unsigned char entry[VMM_ACPI_LAPIC_LEN] = VMM_ACPI_LAPIC(number, flags);

	block_append(b, entry, sizeof(entry));
}

static void add_madt(struct block *b, const struct vmm_board *machine,
		     struct vmm_acpi_table *table)
{
	unsigned char fixed[8] = { 0 };
	unsigned char ioapic[12] = { 1, 12 };
	const unsigned char nmi[6] = { 4, 6, ALL_CPUS, 0, 0, NMI_PIN };
	unsigned int i;

	*table = begin_table(b, "APIC", 5);
	put_le(fixed, LAPIC_GPA, 4);
	block_append(b, fixed, sizeof(fixed));
	for (i = 0; i < machine->ncpus; i++)
		add_lapic(b, i, VMM_ACPI_LAPIC_ENABLED);
	for (; i < machine->ncpus + machine->nlater; i++)
		add_lapic(b, i, VMM_ACPI_LAPIC_ONLINE_CAPABLE);
	put_le(ioapic + 4, IOAPIC_GPA, 4);
	block_append(b, ioapic, sizeof(ioapic));
	block_append(b, nmi, sizeof(nmi));
	end_table(b, table);
}

/* Configuration space of bus 0 of segment 0 (PCI Firmware 3.0, section 4.1.2). */
static void add_mcfg(struct block *b, const struct vmm_board_pci *pci,
		     struct vmm_acpi_table *table)
{
	unsigned char space[8 + 16] = { 0 };

	*table = begin_table(b, "MCFG", 1);
	put_le(space + 8, pci->ecam_gpa, 8);
	block_append(b, space, sizeof(space));
	end_table(b, table);
}

static void add_xsdt(struct block *b, struct vmm_acpi_layout *out)
{
	const size_t n = out->mcfg.len ? 3 : 2;
	unsigned char pointers[24];

	put_le(pointers, table_gpa(b, &out->fadt), 8);
	put_le(pointers + 8, table_gpa(b, &out->madt), 8);
	put_le(pointers + 16, table_gpa(b, &out->mcfg), 8);
	out->xsdt = begin_table(b, "XSDT", 1);
	block_append(b, pointers, n * 8);
	end_table(b, &out->xsdt);
}

/* The first 20 bytes have a checksum of their own, for ACPI 1.0. */
static void write_rsdp(const struct block *b, const struct vmm_acpi_layout *out)
{
	unsigned char *t = b->bytes;

	memset(t, 0, RSDP_LEN);
	memcpy(t, "RSD PTR ", 8);
	memcpy(t + 9, "CVMM  ", 6);
	t[15] = 2;		/* revision */
	put_le(t + 20, RSDP_LEN, 4);
	put_le(t + 24, table_gpa(b, &out->xsdt), 8);
	t[8] = table_checksum(t, 20);
	t[32] = table_checksum(t, RSDP_LEN);
}

int vmm_acpi_build(const struct vmm_board *machine, uint32_t gpa,
		   void *bytes, size_t size, struct vmm_acpi_layout *out,
		   struct vsu_error *err)
{
	struct block b = { bytes, size, RSDP_LEN, gpa, size < RSDP_LEN };
	int rc;

	memset(out, 0, sizeof(*out));
	if (b.full)
		b.len = 0;
	rc = add_dsdt(&b, machine, &out->dsdt);
	add_fadt(&b, out);
	add_madt(&b, machine, &out->madt);
	if (machine->pci)
		add_mcfg(&b, machine->pci, &out->mcfg);
	add_xsdt(&b, out);
	if (b.full || rc == -ENOSPC)
		return vsu_error_set(err, -ENOSPC, "the description of the machine needs more than %zu bytes; use fewer CPUs, devices or windows", size);
	if (rc < 0)
		return vsu_error_sys(err, rc, "the machine's description");
	out->rsdp.len = RSDP_LEN;
	out->len = b.len;
	write_rsdp(&b, out);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Field offsets are those of ACPI 6.4. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/endian.h>

#include "acpi/block.h"

#define ALIGN 16
#define RSDP_LEN 36

static void block_fail(struct varch_acpi_block *b, int code)
{
	if (!b->error)
		b->error = code;
}

void varch_acpi_block_init(struct varch_acpi_block *b, uint32_t gpa, void *bytes, size_t size)
{
	const bool fits = size >= RSDP_LEN;

	*b = (struct varch_acpi_block){
		.bytes = bytes, .size = size, .len = fits ? RSDP_LEN : 0, .gpa = gpa,
		.error = fits ? 0 : -ENOSPC,
	};
}

void varch_acpi_append(struct varch_acpi_block *b, const void *bytes, size_t n)
{
	if (b->size - b->len < n)
		block_fail(b, -ENOSPC);
	if (b->error)
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

struct varch_acpi_table varch_acpi_begin_table(struct varch_acpi_block *b, const char *signature, uint8_t revision)
{
	static const unsigned char zeros[ALIGN];
	unsigned char h[VARCH_ACPI_HEADER] = { 0 };
	struct varch_acpi_table table = { 0 };

	varch_acpi_append(b, zeros, -b->len % ALIGN);
	table.offset = b->len;
	memcpy(h, signature, 4);
	h[8] = revision;
	memcpy(h + 10, "CVMM  CVMM    ", 14);
	vsu_le_store(h + 24, 1, 4);
	memcpy(h + 28, "CVMM", 4);
	vsu_le_store(h + 32, 1, 4);
	varch_acpi_append(b, h, sizeof(h));
	return table;
}

void varch_acpi_end_table(struct varch_acpi_block *b, struct varch_acpi_table *table)
{
	unsigned char *h = b->bytes + table->offset;

	table->len = b->len - table->offset;
	if (b->error)
		return;
	vsu_le_store(h + 4, table->len, 4);
	h[9] = table_checksum(h, table->len);
}

static uint64_t table_gpa(const struct varch_acpi_block *b, const struct varch_acpi_table *table)
{
	return b->gpa + table->offset;
}

void varch_acpi_add_dsdt(struct varch_acpi_block *b, void (*write)(const struct varch_board *board, struct varch_aml *aml),
		       const struct varch_board *board, struct varch_acpi_table *table)
{
	struct varch_aml aml;
	size_t len = 0;
	int rc;

	*table = varch_acpi_begin_table(b, "DSDT", 2);
	varch_aml_init(&aml, b->bytes + b->len, b->size - b->len);
	write(board, &aml);
	rc = varch_aml_finish(&aml, &len);
	if (rc < 0)
		block_fail(b, rc);
	b->len += len;
	varch_acpi_end_table(b, table);
}

void varch_acpi_add_fadt(struct varch_acpi_block *b, unsigned char t[VARCH_ACPI_FADT_LEN],
		       const struct varch_acpi_table *dsdt, struct varch_acpi_table *table)
{
	const uint64_t gpa = table_gpa(b, dsdt);

	*table = varch_acpi_begin_table(b, "FACP", 6);
	vsu_le_store(t + 40, gpa, 4);
	vsu_le_store(t + 140, gpa, 8);
	memcpy(t + 268, "CVMM", 4);	/* hypervisor vendor identity */
	varch_acpi_append(b, t + VARCH_ACPI_HEADER, VARCH_ACPI_FADT_LEN - VARCH_ACPI_HEADER);
	varch_acpi_end_table(b, table);
}

void varch_acpi_add_mcfg(struct varch_acpi_block *b, const struct varch_board_pci *pci, struct varch_acpi_table *table)
{
	unsigned char space[8 + 16] = { 0 };

	*table = varch_acpi_begin_table(b, "MCFG", 1);
	vsu_le_store(space + 8, pci->ecam_gpa, 8);
	varch_acpi_append(b, space, sizeof(space));
	varch_acpi_end_table(b, table);
}

void varch_acpi_add_xsdt(struct varch_acpi_block *b, const struct varch_acpi_table *const *tables, unsigned int n,
		       struct varch_acpi_table *xsdt)
{
	unsigned char pointers[VARCH_ACPI_TABLES * 8];
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < n && i < VARCH_ACPI_TABLES; i++) {
		if (!tables[i]->len)
			continue;
		vsu_le_store(pointers + len, table_gpa(b, tables[i]), 8);
		len += 8;
	}
	*xsdt = varch_acpi_begin_table(b, "XSDT", 1);
	varch_acpi_append(b, pointers, len);
	varch_acpi_end_table(b, xsdt);
}

/* The first 20 bytes have a checksum of their own, for ACPI 1.0. */
static void write_rsdp(const struct varch_acpi_block *b, const struct varch_acpi_table *xsdt)
{
	unsigned char *t = b->bytes;

	memset(t, 0, RSDP_LEN);
	memcpy(t, "RSD PTR ", 8);
	memcpy(t + 9, "CVMM  ", 6);
	t[15] = 2;		/* revision */
	vsu_le_store(t + 20, RSDP_LEN, 4);
	vsu_le_store(t + 24, table_gpa(b, xsdt), 8);
	t[8] = table_checksum(t, 20);
	t[32] = table_checksum(t, RSDP_LEN);
}

int varch_acpi_finish(struct varch_acpi_block *b, const struct varch_acpi_table *xsdt,
		    struct varch_acpi_table *rsdp, struct vsu_error *err)
{
	if (b->error == -ENOSPC)
		return vsu_error_set(err, -ENOSPC, "the description of the machine needs more than %zu bytes; use fewer CPUs, devices or windows", b->size);
	if (b->error)
		return vsu_error_sys(err, b->error, "the machine's description");
	*rsdp = (struct varch_acpi_table){ 0, RSDP_LEN };
	write_rsdp(b, xsdt);
	return 0;
}

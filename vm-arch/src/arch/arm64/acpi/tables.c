/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Field offsets are those of ACPI 6.4, of Arm DEN 0049 D (IORT) and of SPCR revision 2. */
#include <config.h>

#include <string.h>

#include <vm-arch/layout.h>
#include <vmm-sys-util/endian.h>

#include "arch/arm64/acpi/dsdt.h"
#include "arch/arm64/acpi/tables.h"
#include "arch/arm64/acpi/topology.h"

/* FADT: the buttons are devices, no screen, no fixed hardware; PSCI is called by HVC. */
#define FADT_WBINVD (1u << 0)
#define FADT_BUTTON_IS_DEVICE (1u << 4)
#define FADT_SLEEP_IS_DEVICE (1u << 5)
#define FADT_HEADLESS (1u << 12)
#define FADT_REDUCED (1u << 20)
#define ARM_PSCI (1u << 0)
#define ARM_PSCI_BY_HVC (1u << 1)

enum { GICC = 0xb, GICD = 0xc, GICR = 0xe, GIC_ITS = 0xf };
#define GICC_LEN 80
#define GICC_ENABLED 1

/* The private interrupts of KVM's timer; high levels, never switched off. */
enum { TIMER_SECURE = 29, TIMER_KERNEL = 30, TIMER_VIRTUAL = 27, TIMER_HYPERVISOR = 26 };
#define TIMER_ALWAYS_ON (1u << 2)
#define NO_ADDRESS UINT64_MAX

#define SPCR_BY_GIC 0x08
#define SPCR_115200 7
#define SPCR_ANSI 3
#define NO_PCI_DEVICE 0xffff

enum { NODE_ITS_GROUP = 0, NODE_ROOT_COMPLEX = 2 };
#define ITS_GROUP_LEN 24
#define ROOT_COMPLEX_LEN 36
#define MAPPING_LEN 20
#define FIRST_NODE 48
#define COHERENT 1
#define CACHED_AS_CPUS 3	/* coherent, and by default as the memory of CPUs */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void add_fadt(struct varch_acpi_block *b, struct varch_arm64_acpi_layout *out)
{
	unsigned char t[VARCH_ACPI_FADT_LEN] = { 0 };

	vsu_le_store(t + 112, FADT_WBINVD | FADT_BUTTON_IS_DEVICE | FADT_SLEEP_IS_DEVICE |
	       FADT_HEADLESS | FADT_REDUCED, 4);
	vsu_le_store(t + 129, ARM_PSCI | ARM_PSCI_BY_HVC, 2);
	varch_acpi_add_fadt(b, t, &out->dsdt, &out->fadt);
}

/* ------------------------------------------------------------------------------ MADT */

static void add_cpu(struct varch_acpi_block *b, const struct varch_arm64_acpi *machine, unsigned int i)
{
	unsigned char t[GICC_LEN] = { GICC, GICC_LEN };

	vsu_le_store(t + 4, i, 4);
	vsu_le_store(t + 8, i, 4);	/* _UID of its device */
	vsu_le_store(t + 12, GICC_ENABLED, 4);
	vsu_le_store(t + 32, machine->gic == 2 ? VARCH_GICV2_CPUS_GPA : 0, 8);
	vsu_le_store(t + 68, machine->mpidr(i), 8);
	varch_acpi_append(b, t, sizeof(t));
}

static void add_distributor(struct varch_acpi_block *b, unsigned int gic)
{
	unsigned char t[24] = { GICD, 24 };

	vsu_le_store(t + 8, VARCH_GIC_GPA, 8);
	t[20] = (unsigned char)gic;
	varch_acpi_append(b, t, sizeof(t));
}

static void add_redistributors(struct varch_acpi_block *b, unsigned int ncpus)
{
	unsigned char t[16] = { GICR, 16 };

	vsu_le_store(t + 4, VARCH_GIC_CPUS_GPA, 8);
	vsu_le_store(t + 12, ncpus * VARCH_GIC_CPU_LEN, 4);
	varch_acpi_append(b, t, sizeof(t));
}

static void add_its(struct varch_acpi_block *b)
{
	unsigned char t[20] = { GIC_ITS, 20 };

	vsu_le_store(t + 8, VARCH_ITS_GPA, 8);
	varch_acpi_append(b, t, sizeof(t));
}

static void add_madt(struct varch_acpi_block *b, const struct varch_arm64_acpi *machine,
		     struct varch_acpi_table *table)
{
	static const unsigned char fixed[8];
	const struct varch_board *board = machine->board;
	unsigned int i;

	*table = varch_acpi_begin_table(b, "APIC", 5);
	varch_acpi_append(b, fixed, sizeof(fixed));
	for (i = 0; i < board->ncpus; i++)
		add_cpu(b, machine, i);
	add_distributor(b, machine->gic);
	if (machine->gic != 2)
		add_redistributors(b, board->ncpus);
	if (board->pci)
		add_its(b);
	varch_acpi_end_table(b, table);
}

/* ------------------------------------------------------------- timer and serial port */

static void add_gtdt(struct varch_acpi_block *b, struct varch_acpi_table *table)
{
	static const uint32_t timers[] = { TIMER_SECURE, TIMER_KERNEL, TIMER_VIRTUAL, TIMER_HYPERVISOR };
	unsigned char t[104] = { 0 };
	unsigned int i;

	*table = varch_acpi_begin_table(b, "GTDT", 3);
	vsu_le_store(t + 36, NO_ADDRESS, 8);
	for (i = 0; i < COUNT(timers); i++) {
		vsu_le_store(t + 48 + 8 * i, timers[i], 4);
		vsu_le_store(t + 52 + 8 * i, TIMER_ALWAYS_ON, 4);
	}
	vsu_le_store(t + 80, NO_ADDRESS, 8);
	varch_acpi_append(b, t + VARCH_ACPI_HEADER, sizeof(t) - VARCH_ACPI_HEADER);
	varch_acpi_end_table(b, table);
}

/* A 16550 with registers of a byte. */
static void add_spcr(struct varch_acpi_block *b, struct varch_acpi_table *table)
{
	unsigned char t[80] = { 0 };

	*table = varch_acpi_begin_table(b, "SPCR", 2);
	t[41] = 8;		/* bits; the space is memory */
	t[43] = 1;		/* accessed as bytes */
	vsu_le_store(t + 44, VARCH_SERIAL_AT, 8);
	t[52] = SPCR_BY_GIC;
	vsu_le_store(t + 54, VARCH_GSI(VARCH_SERIAL_IRQ), 4);
	t[58] = SPCR_115200;
	t[60] = 1;		/* stop bit */
	t[62] = SPCR_ANSI;
	vsu_le_store(t + 64, NO_PCI_DEVICE, 2);
	vsu_le_store(t + 66, NO_PCI_DEVICE, 2);
	varch_acpi_append(b, t + VARCH_ACPI_HEADER, sizeof(t) - VARCH_ACPI_HEADER);
	varch_acpi_end_table(b, table);
}

/* ------------------------------------------------------------------------------- bus */

static void begin_node(unsigned char *t, unsigned int type, unsigned int len)
{
	t[0] = (unsigned char)type;
	vsu_le_store(t + 1, len, 2);
}

/* Messages of the bus go to the ITS; a function is known there by its requester ID. */
static void add_iort(struct varch_acpi_block *b, struct varch_acpi_table *table)
{
	unsigned char head[FIRST_NODE - VARCH_ACPI_HEADER] = { 2 };
	unsigned char group[ITS_GROUP_LEN] = { 0 }, root[ROOT_COMPLEX_LEN + MAPPING_LEN] = { 0 };

	*table = varch_acpi_begin_table(b, "IORT", 0);
	vsu_le_store(head + 4, FIRST_NODE, 4);
	varch_acpi_append(b, head, sizeof(head));
	begin_node(group, NODE_ITS_GROUP, sizeof(group));
	group[16] = 1;		/* one, whose identifier is 0 */
	varch_acpi_append(b, group, sizeof(group));
	begin_node(root, NODE_ROOT_COMPLEX, sizeof(root));
	root[3] = 1;		/* revision */
	root[8] = 1;		/* mappings */
	vsu_le_store(root + 12, ROOT_COMPLEX_LEN, 4);
	root[16] = COHERENT;
	root[23] = CACHED_AS_CPUS;
	root[32] = 64;		/* bits of addresses */
	vsu_le_store(root + ROOT_COMPLEX_LEN + 4, 0xffff, 4);	/* the last requester ID */
	vsu_le_store(root + ROOT_COMPLEX_LEN + 12, FIRST_NODE, 4);
	varch_acpi_append(b, root, sizeof(root));
	varch_acpi_end_table(b, table);
}

int varch_arm64_acpi_build(const struct varch_arm64_acpi *machine, uint32_t gpa, void *bytes, size_t size,
			 struct varch_arm64_acpi_layout *out, struct vsu_error *err)
{
	const struct varch_acpi_table *const tables[] = {
		&out->fadt, &out->madt, &out->gtdt, &out->pptt, &out->spcr, &out->mcfg, &out->iort,
	};
	struct varch_acpi_block b;

	memset(out, 0, sizeof(*out));
	varch_acpi_block_init(&b, gpa, bytes, size);
	varch_acpi_add_dsdt(&b, varch_arm64_dsdt, machine->board, &out->dsdt);
	add_fadt(&b, out);
	add_madt(&b, machine, &out->madt);
	add_gtdt(&b, &out->gtdt);
	varch_arm64_add_pptt(&b, machine->board->ncpus, machine->caches, &out->pptt);
	add_spcr(&b, &out->spcr);
	if (machine->board->pci) {
		varch_acpi_add_mcfg(&b, machine->board->pci, &out->mcfg);
		add_iort(&b, &out->iort);
	}
	varch_acpi_add_xsdt(&b, tables, COUNT(tables), &out->xsdt);
	out->len = b.len;
	return varch_acpi_finish(&b, &out->xsdt, &out->rsdp, err);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A node for each part of the machine (Documentation/devicetree/bindings of Linux). */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/layout.h>

#include "arch/arm64/boot/device_tree.h"
#include "arch/arm64/boot/fdt.h"
#include "arch/arm64/pl061.h"
#include "arch/arm64/primecell.h"

/* References between nodes. A CPU has CPUS + N; a cache of its own has a block of numbers per level. */
enum { GIC = 1, ITS, CLOCK, PINS, SHARED_CACHES = 0x100, CPUS = 0x1000, CACHES = 0x2000, CACHES_LEN = 0x1000 };

#define SHARED 0u	/* kinds of interrupts */
#define PRIVATE 1u
#define EDGE 1u
#define LEVEL 4u
#define SERIAL_HZ 1843200u
#define PRIMECELL_HZ 24000000u
#define KEY_POWER 116u	/* of <linux/input-event-codes.h> */
#define ACTIVE_HIGH 0u
#define SECURE_BOOT_OFF 2u
#define LARGEST_PAGE UINT64_C(0x10000)
#define PCI_MEMORY_32 0x02000000u
#define PCI_MEMORY_64 0x03000000u

/* ----------------------------------------------------------------- CPUs and memory */

static uint32_t reference_cache(const struct varch_arm64_cache *c, unsigned int cpu)
{
	return c->shared ? SHARED_CACHES + c->level : CACHES + c->level * CACHES_LEN + cpu;
}

/* prefix: "d-" and "i-" are split caches. */
static void add_size(struct varch_fdt *fdt, const struct varch_arm64_cache *c, const char *prefix)
{
	const struct { const char *name; uint32_t value; } rows[] = {
		{ "cache-size", c->size }, { "cache-line-size", c->line }, { "cache-sets", c->sets },
	};
	char name[32];
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", prefix, rows[i].name);
		varch_fdt_number(fdt, name, rows[i].value);
	}
	if (!*prefix)
		varch_fdt_flag(fdt, "cache-unified");
}

static void add_next_level(struct varch_fdt *fdt, const struct varch_arm64_caches *caches, unsigned int level,
			   unsigned int cpu)
{
	const struct varch_arm64_cache *next = varch_arm64_cache_of(caches, level + 1);

	if (next)
		varch_fdt_number(fdt, "next-level-cache", reference_cache(next, cpu));
}

/* Caches of the first level are properties of their CPU. */
static void add_first_level(struct varch_fdt *fdt, const struct varch_arm64_caches *caches, unsigned int cpu)
{
	static const char *const prefixes[] = { "d-", "i-", "" };
	unsigned int i;

	for (i = 0; i < caches->n && caches->rows[i].level == 1; i++)
		add_size(fdt, &caches->rows[i], prefixes[caches->rows[i].type]);
	add_next_level(fdt, caches, 1, cpu);
}

/* Others have nodes: shared ones beside the CPUs. */
static void add_later_levels(struct varch_fdt *fdt, const struct varch_arm64_caches *caches, bool shared,
			     unsigned int cpu)
{
	const struct varch_arm64_cache *c;
	unsigned int level;
	char name[16];

	for (level = 2; (c = varch_arm64_cache_of(caches, level)); level++) {
		if (c->shared != shared)
			continue;
		snprintf(name, sizeof(name), "l%u-cache", level);
		varch_fdt_node(fdt, name);
		varch_fdt_text(fdt, "compatible", "cache");
		varch_fdt_number(fdt, "cache-level", level);
		add_size(fdt, c, "");
		add_next_level(fdt, caches, level, cpu);
		varch_fdt_number(fdt, "phandle", reference_cache(c, cpu));
		varch_fdt_node_end(fdt);
	}
}

/* One socket, in which each CPU is a core. */
static void add_topology(struct varch_fdt *fdt, unsigned int ncpus)
{
	unsigned int i;
	char name[16];

	varch_fdt_node(fdt, "cpu-map");
	varch_fdt_node(fdt, "socket0");
	varch_fdt_node(fdt, "cluster0");
	for (i = 0; i < ncpus; i++) {
		snprintf(name, sizeof(name), "core%u", i);
		varch_fdt_node(fdt, name);
		varch_fdt_number(fdt, "cpu", CPUS + i);
		varch_fdt_node_end(fdt);
	}
	varch_fdt_node_end(fdt);
	varch_fdt_node_end(fdt);
	varch_fdt_node_end(fdt);
}

static void add_cpu(struct varch_fdt *fdt, const struct varch_device_tree *t, unsigned int i)
{
	varch_fdt_node_at(fdt, "cpu", t->mpidr(i));
	varch_fdt_text(fdt, "device_type", "cpu");
	varch_fdt_text(fdt, "compatible", "arm,armv8");
	varch_fdt_text(fdt, "enable-method", "psci");
	varch_fdt_number(fdt, "reg", (uint32_t)t->mpidr(i));
	varch_fdt_number(fdt, "phandle", CPUS + i);
	add_first_level(fdt, t->caches, i);
	add_later_levels(fdt, t->caches, false, i);
	varch_fdt_node_end(fdt);
}

static void add_cpus(struct varch_fdt *fdt, const struct varch_device_tree *t)
{
	unsigned int i;

	varch_fdt_node(fdt, "cpus");
	varch_fdt_number(fdt, "#address-cells", 1);
	varch_fdt_number(fdt, "#size-cells", 0);
	for (i = 0; i < t->board->ncpus; i++)
		add_cpu(fdt, t, i);
	add_later_levels(fdt, t->caches, true, 0);
	add_topology(fdt, t->board->ncpus);
	varch_fdt_node_end(fdt);
	varch_fdt_node(fdt, "psci");
	varch_fdt_bytes(fdt, "compatible", "arm,psci-1.0\0arm,psci-0.2", 26);
	varch_fdt_text(fdt, "method", "hvc");
	varch_fdt_node_end(fdt);
}

/* Memory that the guest cannot write is a device's, and in no node. */
static void add_memory(struct varch_fdt *fdt, const struct vmem_view *view)
{
	const struct vmem_range *r;
	uint32_t i;

	for (i = 0; i < view->n; i++) {
		r = &view->ranges[i];
		if (!(r->flags & VMEM_WRITE))
			continue;
		varch_fdt_node_at(fdt, "memory", r->first);
		varch_fdt_text(fdt, "device_type", "memory");
		varch_fdt_wide(fdt, "reg", (const uint64_t[]){ r->first, r->span + 1 }, 2);
		varch_fdt_node_end(fdt);
	}
}

/* ------------------------------------------------------------------------ interrupts */

static void add_its(struct varch_fdt *fdt)
{
	varch_fdt_node_at(fdt, "its", VARCH_ITS_GPA);
	varch_fdt_text(fdt, "compatible", "arm,gic-v3-its");
	varch_fdt_flag(fdt, "msi-controller");
	varch_fdt_number(fdt, "#msi-cells", 1);
	varch_fdt_wide(fdt, "reg", (const uint64_t[]){ VARCH_ITS_GPA, VARCH_ITS_LEN }, 2);
	varch_fdt_number(fdt, "phandle", ITS);
	varch_fdt_node_end(fdt);
}

static void add_gic(struct varch_fdt *fdt, const struct varch_device_tree *t)
{
	const uint64_t v3[] = { VARCH_GIC_GPA, VARCH_GIC_LEN,
				VARCH_GIC_CPUS_GPA, t->board->ncpus * VARCH_GIC_CPU_LEN };
	const uint64_t v2[] = { VARCH_GIC_GPA, VARCH_PAGE, VARCH_GICV2_CPUS_GPA, VARCH_GICV2_CPUS_LEN };

	varch_fdt_node_at(fdt, "intc", VARCH_GIC_GPA);
	varch_fdt_text(fdt, "compatible", t->gic == 2 ? "arm,cortex-a15-gic" : "arm,gic-v3");
	varch_fdt_flag(fdt, "interrupt-controller");
	varch_fdt_number(fdt, "#interrupt-cells", 3);
	varch_fdt_number(fdt, "#address-cells", 2);
	varch_fdt_number(fdt, "#size-cells", 2);
	varch_fdt_flag(fdt, "ranges");
	varch_fdt_wide(fdt, "reg", t->gic == 2 ? v2 : v3, 4);
	varch_fdt_number(fdt, "phandle", GIC);
	if (t->board->pci)
		add_its(fdt);
	varch_fdt_node_end(fdt);
}

/* The private interrupts of KVM's timer, from the most secure on. A GICv2 has a bit for each CPU. */
static void add_timer(struct varch_fdt *fdt, const struct varch_device_tree *t)
{
	const uint32_t how = LEVEL | (t->gic == 2 ? ((1u << t->board->ncpus) - 1) << 8 : 0);
	const uint32_t interrupts[] = {
		PRIVATE, 13, how, PRIVATE, 14, how, PRIVATE, 11, how, PRIVATE, 10, how,
	};

	varch_fdt_node(fdt, "timer");
	varch_fdt_text(fdt, "compatible", "arm,armv8-timer");
	varch_fdt_cells(fdt, "interrupts", interrupts, 12);
	varch_fdt_flag(fdt, "always-on");
	varch_fdt_node_end(fdt);
}

static void add_interrupt(struct varch_fdt *fdt, uint32_t irq)
{
	varch_fdt_cells(fdt, "interrupts", (const uint32_t[]){ SHARED, irq, EDGE }, 3);
}

/* --------------------------------------------------------------------------- devices */

static void add_serial(struct varch_fdt *fdt)
{
	varch_fdt_node_at(fdt, "serial", VARCH_SERIAL_AT);
	varch_fdt_text(fdt, "compatible", "ns16550a");
	varch_fdt_wide(fdt, "reg", (const uint64_t[]){ VARCH_SERIAL_AT, VARCH_SERIAL_REGISTERS_LEN }, 2);
	varch_fdt_number(fdt, "clock-frequency", SERIAL_HZ);
	add_interrupt(fdt, VARCH_SERIAL_IRQ);
	varch_fdt_node_end(fdt);
}

/* The clock of their registers, which Linux requires. */
static void add_primecell_clock(struct varch_fdt *fdt)
{
	varch_fdt_node(fdt, "apb-pclk");
	varch_fdt_text(fdt, "compatible", "fixed-clock");
	varch_fdt_number(fdt, "#clock-cells", 0);
	varch_fdt_number(fdt, "clock-frequency", PRIMECELL_HZ);
	varch_fdt_number(fdt, "phandle", CLOCK);
	varch_fdt_node_end(fdt);
}

/* compatible is the value of a property, n bytes. The node remains open. */
static void begin_primecell(struct varch_fdt *fdt, const char *name, uint64_t gpa, uint32_t irq,
			    const char *compatible, size_t n)
{
	varch_fdt_node_at(fdt, name, gpa);
	varch_fdt_bytes(fdt, "compatible", compatible, n);
	varch_fdt_wide(fdt, "reg", (const uint64_t[]){ gpa, VARCH_PRIMECELL_LEN }, 2);
	add_interrupt(fdt, irq);
	varch_fdt_number(fdt, "clocks", CLOCK);
	varch_fdt_text(fdt, "clock-names", "apb_pclk");
}

static void add_clock(struct varch_fdt *fdt)
{
	static const char compatible[] = "arm,pl031\0arm,primecell";

	begin_primecell(fdt, "rtc", VARCH_CLOCK_GPA, VARCH_CLOCK_IRQ, compatible, sizeof(compatible));
	varch_fdt_node_end(fdt);
}

static void add_pins(struct varch_fdt *fdt)
{
	static const char compatible[] = "arm,pl061\0arm,primecell";

	begin_primecell(fdt, "gpio", VARCH_PINS_GPA, VARCH_BUTTON_IRQ, compatible, sizeof(compatible));
	varch_fdt_flag(fdt, "gpio-controller");
	varch_fdt_number(fdt, "#gpio-cells", 2);
	varch_fdt_flag(fdt, "interrupt-controller");
	varch_fdt_number(fdt, "#interrupt-cells", 2);
	varch_fdt_number(fdt, "phandle", PINS);
	varch_fdt_node_end(fdt);
}

static void add_button(struct varch_fdt *fdt)
{
	varch_fdt_node(fdt, "gpio-keys");
	varch_fdt_text(fdt, "compatible", "gpio-keys");
	varch_fdt_node(fdt, "power-button");
	varch_fdt_text(fdt, "label", "power button");
	varch_fdt_number(fdt, "linux,code", KEY_POWER);
	varch_fdt_cells(fdt, "gpios", (const uint32_t[]){ PINS, VARCH_PL061_BUTTON, ACTIVE_HIGH }, 3);
	varch_fdt_node_end(fdt);
	varch_fdt_node_end(fdt);
}

/*
 * A guest's page with the ID must not hold ordinary memory, too: Linux would not map it. The
 * block is the machine's own.
 */
static void add_generation(struct varch_fdt *fdt, uint64_t gpa)
{
	const uint64_t reg[] = { gpa, VARCH_PAGE };
	const uint64_t block[] = { gpa & ~(LARGEST_PAGE - 1), LARGEST_PAGE };

	varch_fdt_node(fdt, "reserved-memory");
	varch_fdt_number(fdt, "#address-cells", 2);
	varch_fdt_number(fdt, "#size-cells", 2);
	varch_fdt_flag(fdt, "ranges");
	varch_fdt_node_at(fdt, "generation", block[0]);
	varch_fdt_wide(fdt, "reg", block, 2);
	varch_fdt_flag(fdt, "no-map");
	varch_fdt_node_end(fdt);
	varch_fdt_node_end(fdt);
	varch_fdt_node_at(fdt, "vmgenid", gpa);
	varch_fdt_text(fdt, "compatible", "microsoft,vmgenid");
	varch_fdt_wide(fdt, "reg", reg, 2);
	add_interrupt(fdt, VARCH_EVENT_IRQ);
	varch_fdt_node_end(fdt);
}

static void add_transports(struct varch_fdt *fdt, const struct varch_board *board)
{
	const struct varch_board_device *d;

	for (d = board->devices; d < board->devices + board->ndevices; d++) {
		varch_fdt_node_at(fdt, "virtio_mmio", d->gpa);
		varch_fdt_text(fdt, "compatible", "virtio,mmio");
		varch_fdt_wide(fdt, "reg", (const uint64_t[]){ d->gpa, d->len }, 2);
		add_interrupt(fdt, d->irq);
		varch_fdt_flag(fdt, "dma-coherent");
		varch_fdt_node_end(fdt);
	}
}

/* ------------------------------------------------------------------------------- bus */

/* A range of bus addresses, which are those of the CPUs. */
static void put_range(uint32_t cells[7], uint32_t kind, uint64_t gpa, uint64_t len)
{
	const uint32_t range[7] = { kind, (uint32_t)(gpa >> 32), (uint32_t)gpa,
				    (uint32_t)(gpa >> 32), (uint32_t)gpa,
				    (uint32_t)(len >> 32), (uint32_t)len };

	memcpy(cells, range, sizeof(range));
}

/* All windows of shared memory are one range: they are above all memory. */
static void add_ranges(struct varch_fdt *fdt, const struct varch_board *board)
{
	uint64_t first = UINT64_MAX, end = 0;
	uint32_t cells[14];
	unsigned int i, n = 7;

	put_range(cells, PCI_MEMORY_32, board->pci->window_gpa, board->pci->window_len);
	for (i = 0; i < board->nwindows; i++) {
		const struct varch_board_window *w = &board->windows[i];

		first = w->gpa < first ? w->gpa : first;
		end = w->gpa + w->len > end ? w->gpa + w->len : end;
	}
	if (end) {
		put_range(cells + n, PCI_MEMORY_64, first, end - first);
		n += 7;
	}
	varch_fdt_cells(fdt, "ranges", cells, n);
}

/* The line of each slot, which is its pin A. */
static void add_lines(struct varch_fdt *fdt, const struct varch_board_pci *pci)
{
	static const uint32_t mask[] = { 0xf800, 0, 0, 7 };
	uint32_t lines[32][10];
	unsigned int i;

	for (i = 0; i < pci->nslots && i < 32; i++) {
		const uint32_t line[10] = { pci->slots[i].slot << 11, 0, 0, 1, GIC, 0, 0,
					    SHARED, pci->slots[i].irq, LEVEL };

		memcpy(lines[i], line, sizeof(line));
	}
	varch_fdt_cells(fdt, "interrupt-map", lines[0], 10 * i);
	varch_fdt_cells(fdt, "interrupt-map-mask", mask, 4);
}

static void add_bus(struct varch_fdt *fdt, const struct varch_board *board)
{
	const struct varch_board_pci *pci = board->pci;

	varch_fdt_node_at(fdt, "pcie", pci->ecam_gpa);
	varch_fdt_text(fdt, "compatible", "pci-host-ecam-generic");
	varch_fdt_text(fdt, "device_type", "pci");
	varch_fdt_wide(fdt, "reg", (const uint64_t[]){ pci->ecam_gpa, pci->ecam_len }, 2);
	varch_fdt_cells(fdt, "bus-range", (const uint32_t[]){ 0, 0 }, 2);
	varch_fdt_number(fdt, "linux,pci-domain", 0);
	varch_fdt_number(fdt, "#address-cells", 3);
	varch_fdt_number(fdt, "#size-cells", 2);
	varch_fdt_number(fdt, "#interrupt-cells", 1);
	add_ranges(fdt, board);
	add_lines(fdt, pci);
	varch_fdt_cells(fdt, "msi-map", (const uint32_t[]){ 0, ITS, 0, 0x10000 }, 4);
	varch_fdt_flag(fdt, "dma-coherent");
	varch_fdt_node_end(fdt);
}

/* ------------------------------------------------------------------------------ whole */

/* Linux looks for ACPI if the tree has no node but this one. */
static void add_efi(struct varch_fdt *fdt, const struct varch_tree_efi *efi)
{
	varch_fdt_wide(fdt, "linux,uefi-system-table", &efi->system_gpa, 1);
	varch_fdt_wide(fdt, "linux,uefi-mmap-start", &efi->map_gpa, 1);
	varch_fdt_number(fdt, "linux,uefi-mmap-size", efi->map_len);
	varch_fdt_number(fdt, "linux,uefi-mmap-desc-size", efi->descriptor_len);
	varch_fdt_number(fdt, "linux,uefi-mmap-desc-ver", efi->descriptor_version);
	varch_fdt_number(fdt, "linux,uefi-secure-boot", SECURE_BOOT_OFF); /* Debian's kernels require it */
}

static void add_words(struct varch_fdt *fdt, const struct varch_device_tree *t)
{
	char path[32];

	snprintf(path, sizeof(path), "/serial@%x", (unsigned int)VARCH_SERIAL_AT);
	varch_fdt_node(fdt, "chosen");
	varch_fdt_text(fdt, "bootargs", t->cmdline);
	if (t->efi)
		add_efi(fdt, t->efi);
	else
		varch_fdt_text(fdt, "stdout-path", path);
	varch_fdt_wide(fdt, "kaslr-seed", &t->seeds.place, 1);
	varch_fdt_bytes(fdt, "rng-seed", t->seeds.numbers, sizeof(t->seeds.numbers));
	if (t->board->pci && !t->efi)
		varch_fdt_number(fdt, "linux,pci-probe-only", 1);
	if (t->initrd_len) {
		varch_fdt_wide(fdt, "linux,initrd-start", &t->initrd_gpa, 1);
		varch_fdt_wide(fdt, "linux,initrd-end",
			     (const uint64_t[]){ t->initrd_gpa + t->initrd_len }, 1);
	}
	varch_fdt_node_end(fdt);
}

static void add_machine(struct varch_fdt *fdt, const struct varch_device_tree *t)
{
	varch_fdt_text(fdt, "compatible", "linux,dummy-virt");
	varch_fdt_text(fdt, "model", "c-vmm");
	varch_fdt_number(fdt, "#address-cells", 2);
	varch_fdt_number(fdt, "#size-cells", 2);
	if (!t->efi)
		varch_fdt_number(fdt, "interrupt-parent", GIC);
	add_words(fdt, t);
	if (t->efi)
		return;
	add_memory(fdt, t->memory);
	add_cpus(fdt, t);
	add_gic(fdt, t);
	add_timer(fdt, t);
	add_serial(fdt);
	add_primecell_clock(fdt);
	add_clock(fdt);
	add_pins(fdt);
	add_button(fdt);
	add_generation(fdt, t->board->generation_gpa);
	if (t->board->pci)
		add_bus(fdt, t->board);
	else
		add_transports(fdt, t->board);
}

int varch_device_tree_build(const struct varch_device_tree *tree, unsigned char *bytes, size_t room,
			  struct vsu_error *err)
{
	struct varch_fdt *fdt = malloc(sizeof(*fdt));
	int rc;

	if (!fdt)
		return vsu_error_sys(err, -ENOMEM, "the device tree");
	varch_fdt_begin(fdt);
	add_machine(fdt, tree);
	rc = varch_fdt_finish(fdt, bytes, room);
	free(fdt);
	return rc < 0 ? vsu_error_set(err, rc, "the device tree is too long; use fewer devices or pieces of memory") : rc;
}

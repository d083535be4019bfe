/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* PCI Local Bus 3.0, section 3.2.2.3, and ECAM of PCI Express. */
#include <config.h>

#include <stdbool.h>
#include <stddef.h>

#include <vm-arch/pci_host.h>

#define SPACE_ECAM 4096u	/* bytes per function */
#define ENABLED 0x80000000u	/* enable bit of port 0xcf8 */

/* IDs of QEMU's generic PCIe host bridge, to which no driver binds. */
static const struct {
	uint32_t at, value;
} bridge[] = {
	{ 0x00, 0x00081b36 }, { 0x08, 0x06000000 },
	{ 0x2c, 0x11001af4 },
};

static void bridge_space(void *opaque, struct varch_access *access)
{
	const uint32_t at = (uint32_t)access->offset;
	unsigned int i;

	(void)opaque;
	if (access->write)
		return;
	access->value = 0;
	for (i = 0; i < sizeof(bridge) / sizeof(bridge[0]); i++)
		if (bridge[i].at == (at & ~3u))
			access->value = bridge[i].value >> (8 * (at & 3));
}

/* Aligned accesses of up to 4 bytes; absent functions read as all-ones. */
static void space_access(struct varch_pci_host *host, unsigned int device,
			 unsigned int at, struct varch_access *access)
{
	const struct varch_pci_function *f;

	if (device % 8 || device / 8 >= VARCH_PCI_SLOTS || access->len > 4 ||
	    at % access->len)
		return;
	f = &host->functions[device / 8];
	if (!f->space)
		return;
	access->offset = at;
	f->space(f->opaque, access);
}

static void on_ecam(void *opaque, struct varch_access *access)
{
	space_access(opaque, (unsigned int)(access->offset / SPACE_ECAM),
		     (unsigned int)(access->offset % SPACE_ECAM), access);
}

/* Bits 16 to 23 are the bus, 8 to 15 slot and function, 2 to 7 the word. */
static void on_port(void *opaque, struct varch_access *access)
{
	struct varch_pci_host *host = opaque;
	uint32_t selected = __atomic_load_n(&host->selected, __ATOMIC_ACQUIRE);

	if (access->offset >= 4) {
		if ((selected & ENABLED) && !(selected >> 16 & 0xff))
			space_access(host, selected >> 8 & 0xff,
				     (selected & 0xfc) +
				     (unsigned int)access->offset - 4, access);
	} else if (access->offset == 0 && access->len == 4 && access->write) {
		__atomic_store_n(&host->selected, (uint32_t)access->value,
				 __ATOMIC_RELEASE);
	} else if (access->offset == 0 && access->len == 4) {
		access->value = selected;
	}
}

/* Returns whether the access hits the function's registers, and its offset. */
static bool is_within(const struct varch_pci_function *f, uint64_t gpa,
		      uint32_t len, uint64_t *offset)
{
	const uint64_t first = __atomic_load_n(&f->gpa, __ATOMIC_ACQUIRE);

	if (gpa < first || f->len < len || gpa - first > f->len - len)
		return false;
	*offset = gpa - first;
	return true;
}

/*
 * Registers of a removed function read as 0: a driver that resets a device waits
 * for status 0, even after the device was removed.
 */
static void on_window(void *opaque, struct varch_access *access)
{
	struct varch_pci_host *host = opaque;
	const uint64_t gpa = VARCH_PCI_WINDOW_GPA + access->offset;
	const struct varch_pci_function *f = host->functions;
	bool gone = false;

	for (; f < &host->functions[VARCH_PCI_SLOTS]; f++) {
		if (!is_within(f, gpa, access->len, &access->offset))
			continue;
		if (f->registers) {
			f->registers(f->opaque, access);
			return;
		}
		gone = true;
	}
	if (gone)
		access->value = 0;
}

static int add_bus(struct varch_pci_host *host, struct varch_bus *memory, struct vsu_error *err)
{
	const struct varch_range ecam = { VARCH_PCI_ECAM_GPA, VARCH_PCI_ECAM_LEN,
					"PCI configuration space", on_ecam, host };
	const struct varch_range window = { VARCH_PCI_WINDOW_GPA, VARCH_PCI_WINDOW_LEN,
					  "PCI registers", on_window, host };
	int rc;

	host->functions[0].space = bridge_space;
	rc = varch_bus_add(memory, &ecam, err);
	return rc ? rc : varch_bus_add(memory, &window, err);
}

int varch_pci_host_init(struct varch_pci_host *host, struct varch_bus *memory,
		      struct varch_bus *ports, struct vsu_error *err)
{
	const struct varch_range port = { VARCH_PCI_PORT, VARCH_PCI_PORT_LEN,
					"PCI configuration ports", on_port, host };
	unsigned int i;
	int rc;

	for (i = 0; i < VARCH_PCI_SLOTS; i++)
		host->functions[i].gpa = VARCH_PCI_NOWHERE;
	rc = varch_bus_add(ports, &port, err);
	return rc || !memory ? rc : add_bus(host, memory, err);
}

/* A slot that was emptied keeps its range of addresses: see on_window(). */
void varch_pci_host_set(struct varch_pci_host *host, unsigned int slot,
		      const struct varch_pci_function *function)
{
	struct varch_pci_function *f = &host->functions[slot];

	if (function) {
		*f = *function;
	} else {
		f->space = NULL;
		f->registers = NULL;
	}
}

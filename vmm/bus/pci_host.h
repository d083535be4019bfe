/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A host bridge with one PCI bus: configuration space by ECAM and by ports
 * 0xcf8 and 0xcfc, and a range of addresses for the functions' registers. A
 * slot has one function; slot 0 is the bridge itself.
 *
 * Functions come and go while no CPU runs. Any CPU reads the table without
 * locks; only the place of a function's registers changes meanwhile.
 */
#ifndef VMM_BUS_PCI_HOST_H
#define VMM_BUS_PCI_HOST_H

#include <stdint.h>

#include "bus/bus.h"

#define VMM_PCI_SLOTS		32
#define VMM_PCI_ECAM_GPA	UINT64_C(0xe0000000)
#define VMM_PCI_ECAM_LEN	UINT64_C(0x100000)	/* of one bus */
#define VMM_PCI_WINDOW_GPA	UINT64_C(0xe1000000)
#define VMM_PCI_WINDOW_LEN	UINT64_C(0x1000000)
#define VMM_PCI_PORT		0xcf8
#define VMM_PCI_PORT_LEN	8
#define VMM_PCI_NOWHERE		UINT64_MAX

/* Either is called on the thread of the CPU that accesses. */
struct vmm_pci_function {
	vmm_access_fn space;	/* configuration space; NULL: no function */
	vmm_access_fn registers;
	void *opaque;
	uint64_t len;		/* bytes of registers */
	uint64_t gpa;		/* atomic: where they are, or NOWHERE */
};

struct vmm_pci_host {
	struct vmm_pci_function functions[VMM_PCI_SLOTS];
	uint32_t selected;	/* atomic: what was stored to port 0xcf8 */
};

/* All zero before; its ranges refer to it. */
int vmm_pci_host_init(struct vmm_pci_host *host, struct vmm_bus *memory,
		      struct vmm_bus *ports, struct vsu_error *err);

/* The slot is free and not 0. */
void vmm_pci_host_add(struct vmm_pci_host *host, unsigned int slot,
		      const struct vmm_pci_function *function);

/* The slot is empty again: it reads all-ones, and its registers 0. */
void vmm_pci_host_remove(struct vmm_pci_host *host, unsigned int slot);

/* The registers answer there from now on. Any thread. */
void vmm_pci_host_move(struct vmm_pci_host *host, unsigned int slot,
		       uint64_t gpa);

#endif

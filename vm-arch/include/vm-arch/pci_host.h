/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A host bridge with one PCI bus: configuration space by ECAM and by ports
 * 0xcf8 and 0xcfc, and a range of addresses for the functions' registers. A
 * slot has one function; slot 0 is the bridge itself.
 *
 * Functions are added and removed while no CPU runs, so that CPUs read the table
 * without locks. Only the address of a function's registers changes at run time.
 *
 * Threads: the main thread, while no CPU runs; accesses by any.
 */
#ifndef VARCH_BUS_PCI_HOST_H
#define VARCH_BUS_PCI_HOST_H

#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/bus.h>
#include <vm-arch/layout.h>

VSU_BEGIN_DECLS

#define VARCH_PCI_SLOTS		32
#define VARCH_PCI_PORT		0xcf8
#define VARCH_PCI_PORT_LEN	8
#define VARCH_PCI_NOWHERE		UINT64_MAX

/* space and registers are called on the thread of the CPU that accesses. */
struct varch_pci_function {
	varch_access_fn space;	/* configuration space; NULL: no function */
	varch_access_fn registers;
	void *opaque;
	uint64_t len;		/* bytes of registers */
	uint64_t gpa;		/* atomic: their address, or NOWHERE */
};

struct varch_pci_host {
	struct varch_pci_function functions[VARCH_PCI_SLOTS];
	uint32_t selected;	/* atomic: the value of port 0xcf8 */
};

/*
 * host must be zeroed; the buses refer to it afterwards. memory NULL: a machine
 * without a PCI bus has the ports, because Linux reports an error if they are absent. Port 0xcf8 then
 * keeps what is stored, and each function is absent.
 */
VARCH_API int varch_pci_host_init(struct varch_pci_host *host, struct varch_bus *memory,
		      struct varch_bus *ports, struct vsu_error *err) VSU_NODISCARD;

/*
 * Fills the slot, from 1 to VARCH_PCI_SLOTS - 1, with a function; NULL empties it: configuration
 * space reads as all-ones, registers as 0.
 */
VARCH_API void varch_pci_host_set(struct varch_pci_host *host, unsigned int slot,
		      const struct varch_pci_function *function);

/* Moves the registers of a function to gpa. Any thread. */
static inline void varch_pci_function_move(struct varch_pci_function *function, uint64_t gpa)
{
	__atomic_store_n(&function->gpa, gpa, __ATOMIC_RELEASE);
}

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers for hot plug of PCI slots, as used by the DSDT's methods. Each
 * has 32 bits, one per slot, and permits only 32-bit accesses:
 *
 *   0 came     slots with a new function; a read clears it
 *   4 goes     slots whose function the guest is requested to eject, or that
 *              was removed without a request; a read clears it
 *   8 eject    a write ejects the functions of these slots; reads 0
 *
 * An ejection without a request is ignored: the guest may stop using a function
 * and use it again later. A slot is below 32, as VARCH_PCI_SLOTS of <vm-arch/pci_host.h>.
 *
 * Threads: any.
 */
#ifndef VARCH_ACPI_PLUG_H
#define VARCH_ACPI_PLUG_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct varch_plug {
	uint32_t came, goes;	/* atomic: not yet read by the guest */
	uint32_t asked;		/* atomic: the guest may eject these */
	/* The guest ejected these slots. Called on a CPU's thread. */
	void (*eject)(void *opaque, uint32_t slots);
	void *opaque;
};

VARCH_API int varch_plug_add(struct varch_plug *plug, struct varch_bus *registers,
		 struct vsu_error *err) VSU_NODISCARD;

/* The caller must also raise the interrupt. */
VARCH_API void varch_plug_came(struct varch_plug *plug, unsigned int slot);
VARCH_API void varch_plug_ask(struct varch_plug *plug, unsigned int slot);
VARCH_API void varch_plug_went(struct varch_plug *plug, unsigned int slot);
/* The slot is empty: cancels the request. */
VARCH_API void varch_plug_forget(struct varch_plug *plug, unsigned int slot);

VARCH_API bool varch_plug_is_asked(const struct varch_plug *plug, unsigned int slot);
/*
 * Bits are unread: an interrupt before the guest's driver was loaded is lost.
 */
VARCH_API bool varch_plug_is_unread(const struct varch_plug *plug);

VSU_END_DECLS

#endif

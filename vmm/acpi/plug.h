/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers by which slots of the PCI bus come and go, as the methods of
 * the DSDT use them. Each has 32 bits, one for a slot, and takes accesses of 32
 * bits alone:
 *
 *   0 came     slots whose function is new; a read clears it
 *   4 goes     slots whose function the guest is asked for, or that went
 *              unasked; a read clears it
 *   8 eject    stores name slots whose function the guest gives away; reads 0
 *
 * A function that nobody asked for is not given away: the guest may stop using
 * it, and begin again.
 *
 * Threads: any.
 */
#ifndef VMM_ACPI_PLUG_H
#define VMM_ACPI_PLUG_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "bus/bus.h"

struct vmm_plug {
	uint32_t came, goes;	/* atomic: what the guest has not read yet */
	uint32_t asked;		/* atomic: what it may eject */
	/* The guest gave these slots away. Its CPU's thread. */
	void (*eject)(void *opaque, uint32_t slots);
	void *opaque;
};

int vmm_plug_add(struct vmm_plug *plug, struct vmm_bus *ports,
		 struct vsu_error *err);

/* Whoever says so raises the interrupt, too. */
void vmm_plug_came(struct vmm_plug *plug, unsigned int slot);
void vmm_plug_ask(struct vmm_plug *plug, unsigned int slot);
void vmm_plug_went(struct vmm_plug *plug, unsigned int slot);
/* The slot is empty: it is asked for no more. */
void vmm_plug_forget(struct vmm_plug *plug, unsigned int slot);

bool vmm_plug_is_asked(const struct vmm_plug *plug, unsigned int slot);
/* Something was not read: an interrupt before the guest listened is lost. */
bool vmm_plug_is_unread(const struct vmm_plug *plug);

#endif

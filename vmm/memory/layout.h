/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The addresses of memory in the guest, computed from sizes and requested
 * addresses.
 *
 * Items with an address are placed first. The others fill the space from 0
 * in order, around placed memory and the hole for devices (<vm-arch/layout.h>). Only an
 * item that reaches the hole is split there. Its second piece continues behind it, in the
 * backing memory where the first ended. Windows of shared memory are above all memory, each
 * aligned to its size.
 */
#ifndef VMM_LAYOUT_H
#define VMM_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/layout.h>
#include <vmm-sys-util/error.h>

/* Memory that is to be placed. */
struct vmm_layout_item {
	uint64_t size;
	uint64_t at;
	bool has_at;
	char name[40];	/* for messages: "--memory 2" */
};

struct vmm_layout_piece {
	uint64_t gpa, len;
	uint64_t offset;	/* in the memory of its item */
	unsigned int item;
};

/* At most two pieces per item. */
#define VMM_LAYOUT_MAX_ITEMS 32
#define VMM_LAYOUT_MAX (2 * VMM_LAYOUT_MAX_ITEMS)

struct vmm_layout {
	struct vmm_layout_piece pieces[VMM_LAYOUT_MAX]; /* by address */
	unsigned int n;
	uint64_t end;		/* the first address above all memory and the hole */
};

/* The widest guest physical address of any processor. */
#define VMM_MAX_PHYS_BITS 52

/* phys_bits: width of a guest physical address. */
int vmm_layout_memory(const struct vmm_layout_item *items,
		      unsigned int n, unsigned int phys_bits,
		      struct vmm_layout *out, struct vsu_error *err);

/*
 * Address space for a window of size bytes: the next power of two, because a
 * PCI base address register decodes only such sizes. size: at most 2^63.
 */
uint64_t vmm_layout_window_room(uint64_t size);

/*
 * Chooses an address at or above *next for a window of size bytes, aligned to
 * its room, and moves *next behind the room. -ENOSPC: beyond phys_bits.
 */
int vmm_layout_window(uint64_t *next, uint64_t size, unsigned int phys_bits,
		      uint64_t *gpa, struct vsu_error *err);

#endif

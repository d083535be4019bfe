/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The addresses of memory in the guest, computed from sizes and requested
 * addresses.
 *
 * Items with an address are placed first. The others fill the space from 0
 * in order, around placed memory and the hole for devices (<vm-arch/layout.h>). Only an
 * item that reaches the hole is split there. Its second piece continues behind it, in the
 * backing memory where the first ended.
 *
 * Threads: no state.
 */
#ifndef VARCH_PLACES_H
#define VARCH_PLACES_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/layout.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Memory that is to be placed. */
struct varch_place_item {
	uint64_t size;
	uint64_t at;		/* a requested address */
	bool has_at;
	char name[40];		/* for messages: "memory 2" */
};

struct varch_place {
	uint64_t gpa, len;
	uint64_t offset;	/* in the memory of its item */
	unsigned int item;
};

/* At most two places per item. */
#define VARCH_MAX_PLACE_ITEMS 32
#define VARCH_MAX_PLACES (2 * VARCH_MAX_PLACE_ITEMS)

struct varch_places {
	struct varch_place pieces[VARCH_MAX_PLACES]; /* by address */
	unsigned int n;
	uint64_t end;		/* the first address above all memory and the hole */
};

/* The widest guest physical address of any processor. */
#define VARCH_MAX_PHYS_BITS 52

/*
 * n is at most VARCH_MAX_PLACE_ITEMS. phys_bits: width of a guest physical address, as in struct
 * varch_vm. -EINVAL: a size or an address that is refused; -EEXIST: two requested ranges overlap;
 * -ENOSPC: no room below phys_bits.
 */
VARCH_API int varch_place_memory(const struct varch_place_item *items, unsigned int n,
				 unsigned int phys_bits, struct varch_places *out,
				 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine as a table of address ranges with handlers, one for memory and
 * one for ports: built before the first CPU runs, then read without locks by
 * every CPU.
 *
 * Outside of all ranges, a read returns all-ones and a write is ignored.
 *
 * Threads: one, until the first CPU runs; accesses by any.
 */
#ifndef VARCH_BUS_H
#define VARCH_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_BUS_MAX 64

/* One access of 1, 2, 4 or 8 bytes; offset counts from the range's start. */
struct varch_access {
	uint64_t offset;
	uint64_t value;		/* to write, or the result of a read */
	uint32_t len;
	bool write;
	bool park;		/* set by a handler: this CPU stops permanently */
};

typedef void (*varch_access_fn)(void *opaque, struct varch_access *access);

struct varch_range {
	uint64_t first, len;
	const char *name;
	varch_access_fn fn;
	void *opaque;
};

/* Its user zeroes it. */
struct varch_bus {
	struct varch_range ranges[VARCH_BUS_MAX]; /* in order of address */
	unsigned int n;
};

/* -EEXIST: overlaps another range; -ENOSPC: the table is full. */
VARCH_API int varch_bus_add(struct varch_bus *bus, const struct varch_range *range,
		struct vsu_error *err) VSU_NODISCARD;

/* Carries out an access at an absolute address. */
VARCH_API void varch_bus_access(const struct varch_bus *bus, uint64_t address,
		    struct varch_access *access);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory of fuzzed guests, with all that a buffer can be in or cross. */
#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include <stdint.h>

#include <vm-memory/space.h>

#include "play.h"

#define MEMORY		0x20000u	/* length of each of two adjacent regions */
#define ROM_GPA		0x100000u
#define HOLE_GPA	0x200000u
#define DATA_GPA	(MEMORY - 0x4000u) /* extends over both regions */

/* The address of a buffer that the input selects: mostly memory. */
uint64_t place(struct input *in);

struct memory {
	unsigned char *half[2];
	struct vmem_space *space;
	struct vmem_map *map;
};

/* Creates a region of new memory, which a device may map. */
struct vmem_region *memory_region(uint64_t gpa, uint64_t len, uint32_t flags);

void memory_init(struct memory *m);
void memory_fini(struct memory *m);
/* Checks that memory that was not passed to the device is unchanged. */
void memory_check(const struct memory *m);
unsigned char *memory_at(const struct memory *m, uint64_t gpa);

#endif

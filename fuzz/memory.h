/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Guests of fuzz targets for devices: an input that is taken bit by bit, and
 * memory with everything that a buffer may lie in or across.
 */
#ifndef FUZZ_MEMORY_H
#define FUZZ_MEMORY_H

#include <stdint.h>
#include <stdlib.h>

#include <vm-memory/space.h>

#define CHECK(x) ((x) ? (void)0 : abort())

#define MEMORY		0x20000u	/* of each of two regions that touch */
#define ROM_GPA		0x100000u
#define HOLE_GPA	0x200000u
#define DATA_GPA	(MEMORY - 0x4000u) /* crosses the border */

struct input {
	const uint8_t *p, *end;
};

/* So many bytes, or zeros beyond the end. */
uint32_t take(struct input *in, unsigned int bytes);
/* A buffer where the input wants it: mostly memory, sometimes not. */
uint64_t place(struct input *in);

struct memory {
	unsigned char *half[2];
	struct vmem_space *space;
	struct vmem_map *map;
};

void memory_init(struct memory *m);
/* Nobody may have stored where nothing was given to the device. */
void memory_fini(struct memory *m);
unsigned char *memory_at(const struct memory *m, uint64_t gpa);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory use of a process, to detect growth. */
#ifndef INTEROP_GROWTH_H
#define INTEROP_GROWTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct size {
	int fds;
	unsigned int mappings;
	uint64_t bytes;		/* of the heap, or private resident bytes */
	uint64_t slack;		/* difference that is not counted as growth */
};

/* The size of this process; if the heap cannot be measured, bytes is 0. */
struct size size_here(void);
/* The size of another process. */
struct size size_of(pid_t pid);

bool grew(const struct size *before, const struct size *after);
void print_growth(const struct size *before, const struct size *after);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* How large a process is, to see that it does not grow. */
#ifndef INTEROP_GROWTH_H
#define INTEROP_GROWTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct size {
	int fds;
	unsigned int mappings;
	uint64_t bytes;		/* of the heap, or resident and not shared */
	uint64_t slack;		/* of bytes that are no growth */
};

/* This process; without a heap that can be asked, bytes is 0. */
struct size size_here(void);
/* Another one. */
struct size size_of(pid_t pid);

bool grew(const struct size *before, const struct size *after);
void print_growth(const struct size *before, const struct size *after);

#endif

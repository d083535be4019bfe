/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The program of a filter of system calls: a search tree over the numbers of calls, whose
 * leaves check arguments. libseccomp builds the same filter in three times the time, which
 * counts in the start of a machine.
 */
#ifndef PROGRAMS_CALL_PROGRAM_H
#define PROGRAMS_CALL_PROGRAM_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

#include "call_filter.h"

/* One call, or one alternative of its arguments. */
struct call_item {
	uint32_t number;
	const struct call_rule *rule; /* name is not used; NULL: any arguments */
	uint32_t action;	/* SECCOMP_RET_... */
};

struct call_program {
	uint32_t arch;		/* AUDIT_ARCH_... */
	uint32_t foreign;	/* action for calls of other architectures */
	uint32_t refused;	/* action for calls without an item */
	uint32_t first;		/* the number of a call that is checked before the tree */
};

/*
 * items are sorted by this function. Of several items of a call, the first one whose rule
 * holds decides, and one without a rule before all. The caller frees out->filter.
 * -ENOMEM, -E2BIG.
 */
int call_program_build(const struct call_program *program, struct call_item *items,
		       size_t n, struct sock_fprog *out);

#endif

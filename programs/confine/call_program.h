/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The program of a filter of system calls: a search tree over the numbers of calls, whose
 * leaves check arguments.
 *
 * Instructions count: the kernel compiles and checks each filter, which takes 0.6 us per
 * instruction. Returns are shared, and alternatives of one argument load it once.
 *
 * The program cannot be made at build time: it contains the process's ID, the modes and
 * groups of sockets, the action, and the tables that options select.
 */
#ifndef PROGRAMS_CALL_PROGRAM_H
#define PROGRAMS_CALL_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

struct sock_fprog;

/* (Argument arg & mask) == value. A mask of 0: always. */
struct call_condition {
	unsigned int arg;
	uint64_t mask, value;
};

#define CALL_CONDITIONS 2u

/* Permits a call if all conditions hold. */
struct call_rule {
	const char *name;	/* NULL: end of the table */
	struct call_condition when[CALL_CONDITIONS];
};

/* Rules of a table. int: the kernel reads the lower half of the argument only. */
#define CALL_IF(call, arg, mask, value) \
	{ .name = (call), .when = { { (arg), (mask), (value) } } }
#define CALL_IF_INT(call, arg, value) CALL_IF(call, arg, UINT32_MAX, value)
#define CALL_IF_BOTH(call, arg, mask, value, arg2, mask2, value2) \
	{ .name = (call), .when = { { (arg), (mask), (value) }, { (arg2), (mask2), (value2) } } }

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
	uint32_t foreign_from;	/* numbers from here on, except -1, are another architecture's; 0: none */
};

/*
 * Builds a program. The function sorts the items. If a call has several items, the first
 * one whose rule holds decides; an item without a rule precedes them. The caller frees
 * out->filter. -ENOMEM, -E2BIG.
 */
int call_program_build(const struct call_program *program, struct call_item *items,
		       size_t n, struct sock_fprog *out);

#endif

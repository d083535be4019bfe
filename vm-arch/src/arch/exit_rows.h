/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The exits that only one architecture has.
 *
 * Threads: that of the CPU.
 */
#ifndef VARCH_ARCH_EXIT_ROWS_H
#define VARCH_ARCH_EXIT_ROWS_H

#include <vm-arch/exits.h>

/* The CPU that exited. */
struct varch_exiting {
	const struct varch_cpu_hooks *hooks;
	struct kvm_run *run;
	unsigned int cpu;
	int fd;		/* its vCPU, borrowed */
	struct varch_cpu_verdict *verdict;
};

/* Ends the machine with a status and a message that names the CPU. */
enum varch_cpu_next varch_exit_end(const struct varch_exiting *x, int status, const char *fmt, ...)
	VSU_PRINTF(3, 4);

struct varch_exit_row {
	uint32_t reason;	/* KVM_EXIT_... */
	enum varch_cpu_next (*fn)(const struct varch_exiting *x);
};

/* The exits of the architecture, beside accesses to memory and failures. */
extern const struct varch_exit_row varch_exits[];
extern const unsigned int varch_nexits;

#endif

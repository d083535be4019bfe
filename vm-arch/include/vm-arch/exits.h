/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exits of a CPU from the guest: what the machine provides for them, and the exits that only
 * one architecture has.
 *
 * Threads: the CPU's thread.
 */
#ifndef VMM_ARCH_EXITS_H
#define VMM_ARCH_EXITS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>

struct kvm_debug_exit_arch;
struct kvm_run;

/* A conversion of memory to private or shared that the guest requests. */
struct vmm_conversion {
	uint64_t gpa, len;
	bool to_private;
	bool fault;	/* access to the wrong kind; false: a hypercall */
};

/* Callbacks for exits that concern the machine. */
struct vmm_cpu_hooks {
	const struct vmm_bus *memory, *ports;
	/* KVM_RUN returned -EFAULT; returns true to retry. */
	bool (*repair)(void *opaque, unsigned int cpu);
	/*
	 * The guest accessed a page that the host's hardware lost, at hva in
	 * this process. Reports it to the guest, or fails with the reason.
	 */
	int (*poisoned)(void *opaque, unsigned int cpu, uint64_t hva,
			struct vsu_error *err);
	/*
	 * -EINVAL: the range has no private memory; -E2BIG: too many separate ranges.
	 * The guest receives both; other failures end the machine.
	 */
	int (*convert)(void *opaque, unsigned int cpu,
		       const struct vmm_conversion *c, struct vsu_error *err);
	/* With guest debugging: a breakpoint, or the end of a step; returns when the CPU may continue. */
	void (*debug)(void *opaque, unsigned int cpu, const struct kvm_debug_exit_arch *exit);
	void *opaque;
};

enum vmm_cpu_next {
	VMM_CPU_RUN,	/* enter the guest again */
	VMM_CPU_PARK,	/* never enter the guest again */
	VMM_CPU_END,	/* the same, and end the machine */
};

/* status and why are valid only for VMM_CPU_END. */
struct vmm_cpu_verdict {
	enum vmm_cpu_next next;
	int status;		/* exit status of the program */
	struct vsu_error why;	/* the reason; -EFAULT: the guest crashed */
};

/* The CPU that exited. */
struct vmm_exiting {
	const struct vmm_cpu_hooks *hooks;
	struct kvm_run *run;
	unsigned int cpu;
	int fd;		/* its vCPU, borrowed */
	struct vmm_cpu_verdict *verdict;
};

/* Ends the machine with a status and a message that names the CPU. */
enum vmm_cpu_next vmm_exit_end(const struct vmm_exiting *x, int status, const char *fmt, ...)
	VSU_PRINTF(3, 4);

struct vmm_exit_row {
	uint32_t reason;	/* KVM_EXIT_... */
	enum vmm_cpu_next (*fn)(const struct vmm_exiting *x);
};

/* The exits of the architecture, beside accesses to memory and failures. */
extern const struct vmm_exit_row vmm_arch_exits[];
extern const unsigned int vmm_arch_nexits;

#endif

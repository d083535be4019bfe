/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exits of a CPU from the guest: accesses are carried out on the buses; every
 * other exit becomes a verdict for the CPU's thread.
 *
 * Threads: the CPU's thread.
 */
#ifndef VMM_CPU_EXIT_H
#define VMM_CPU_EXIT_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "bus/bus.h"
#include "kvm/uapi.h"

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

/* Handles one return of KVM_RUN: rc is its result or negative errno. */
void vmm_cpu_exit(const struct vmm_cpu_hooks *hooks, unsigned int cpu,
		  struct kvm_run *run, int rc, struct vmm_cpu_verdict *verdict);

/* Handles an access of the guest to a lost page at hva. */
void vmm_cpu_poisoned(const struct vmm_cpu_hooks *hooks, unsigned int cpu,
		      uint64_t hva, struct vmm_cpu_verdict *verdict);

#endif

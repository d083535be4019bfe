/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The meaning of a CPU's exit from the guest: accesses are carried out on the
 * buses; everything else becomes a verdict that the CPU's thread acts on.
 *
 * Threads: the CPU's own.
 */
#ifndef VMM_CPU_EXIT_H
#define VMM_CPU_EXIT_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "bus/bus.h"
#include "kvm/uapi.h"

/* Memory that the guest wants private to it, or shared with the host. */
struct vmm_conversion {
	uint64_t gpa, len;
	bool to_private;
	bool fault;	/* the CPU cannot go on without; else it asks */
};

/* Whoever answers exits. */
struct vmm_cpu_hooks {
	const struct vmm_bus *memory, *ports;
	/* KVM_RUN said -EFAULT: true when it may be run again. */
	bool (*repair)(void *opaque, unsigned int cpu);
	/*
	 * The guest touched a page that the host's hardware lost, at hva in
	 * this process: tells the guest, or says why it cannot be told.
	 */
	int (*poisoned)(void *opaque, unsigned int cpu, uint64_t hva,
			struct vsu_error *err);
	/* -EINVAL: not memory with two halves. */
	int (*convert)(void *opaque, unsigned int cpu,
		       const struct vmm_conversion *c, struct vsu_error *err);
	void *opaque;
};

enum vmm_cpu_next {
	VMM_CPU_RUN,	/* enter the guest again */
	VMM_CPU_PARK,	/* stay out for good */
	VMM_CPU_END,	/* stay out, and end the machine */
};

/* status and why are set when the machine is to end, and only then. */
struct vmm_cpu_verdict {
	enum vmm_cpu_next next;
	int status;		/* exit status of the program */
	struct vsu_error why;	/* its sentence */
};

/* Judges one return of KVM_RUN: rc is its result or negative errno. */
void vmm_cpu_exit(const struct vmm_cpu_hooks *hooks, unsigned int cpu,
		  struct kvm_run *run, int rc, struct vmm_cpu_verdict *verdict);

/* Judges a page that the guest touched and that is lost, at hva. */
void vmm_cpu_poisoned(const struct vmm_cpu_hooks *hooks, unsigned int cpu,
		      uint64_t hva, struct vmm_cpu_verdict *verdict);

#endif

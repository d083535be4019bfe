/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exits of a CPU from the guest: what the machine provides for them, and the exits that only
 * one architecture has.
 *
 * Threads: the CPU's thread.
 */
#ifndef VARCH_ARCH_EXITS_H
#define VARCH_ARCH_EXITS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct kvm_debug_exit_arch;
struct kvm_run;

/* A conversion of memory to private or shared that the guest requests. */
struct varch_conversion {
	uint64_t gpa, len;
	bool to_private;
	bool fault;	/* access to the wrong kind; false: a hypercall */
};

/* Callbacks for exits that concern the machine. */
struct varch_cpu_hooks {
	const struct varch_bus *memory, *ports;
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
		       const struct varch_conversion *c, struct vsu_error *err);
	/* With guest debugging: a breakpoint, or the end of a step; returns when the CPU may continue. */
	void (*debug)(void *opaque, unsigned int cpu, const struct kvm_debug_exit_arch *exit);
	void *opaque;
};

enum varch_cpu_next {
	VARCH_CPU_RUN,	/* enter the guest again */
	VARCH_CPU_PARK,	/* never enter the guest again */
	VARCH_CPU_END,	/* the same, and end the machine */
};

/* status and why are valid only for VARCH_CPU_END. */
struct varch_cpu_verdict {
	enum varch_cpu_next next;
	int status;		/* exit status of the program */
	struct vsu_error why;	/* the reason; -EFAULT: the guest crashed */
};

VSU_END_DECLS

#endif

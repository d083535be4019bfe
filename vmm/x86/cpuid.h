/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The CPUID table of a guest's processor: that which KVM offers, without the
 * leaves that this machine cannot keep, and with a topology that fits it (one
 * socket, one thread per core, APIC ids counted from 0).
 */
#ifndef VMM_X86_CPUID_H
#define VMM_X86_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "x86/cpuid_table.h"

enum vmm_cpu_model {
	VMM_CPU_HOST,		/* all that KVM can give here */
	VMM_CPU_PLAIN,		/* x86-64-v2 and nothing that a host may lack */
};

struct vmm_cpuid_wish {
	enum vmm_cpu_model model;
	unsigned int cpu, ncpus;
	bool tsc_deadline;	/* KVM has the timer's deadline mode */
	bool map_hypercall;	/* the guest may convert memory */
};

/*
 * Turns what KVM offers into what the guest's CPU has. The table has room for
 * VMM_CPUID_MAX entries. -ENOSPC: they are not enough.
 */
int vmm_cpuid_shape(struct kvm_cpuid2 *table,
		    const struct vmm_cpuid_wish *wish);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The CPUID table of a guest's processor: KVM's, without leaves that this
 * machine does not support, and with the machine's topology (one socket, one
 * thread per core, APIC ids from 0).
 */
#ifndef VARCH_X86_CPUID_H
#define VARCH_X86_CPUID_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "arch/x86/cpu_models.h"

struct varch_cpuid_config {
	struct varch_cpu_choice choice;
	unsigned int cpu, ncpus;
	bool tsc_deadline;	/* KVM has the timer's deadline mode */
	bool map_hypercall;	/* the guest may convert memory */
};

/*
 * Turns the table that KVM supports into the guest's. The table has space for
 * VARCH_CPUID_MAX entries. -ENOSPC: too few.
 */
int varch_cpuid_shape(struct kvm_cpuid2 *table,
		    const struct varch_cpuid_config *config);

/* Turns the table of a CPU into that of another one of the machine. */
void varch_cpuid_set_number(struct kvm_cpuid2 *table, unsigned int cpu);

#endif

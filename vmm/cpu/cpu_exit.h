/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What a CPU's exit from the guest asks for. */
#ifndef VMM_CPU_EXIT_H
#define VMM_CPU_EXIT_H

#include "cpu/cpus.h"
#include "kvm/uapi.h"

enum vmm_cpu_next {
	VMM_CPU_RUN,	/* enter the guest again */
	VMM_CPU_PARK,	/* stay out for good */
};

/*
 * Handles one return of KVM_RUN: rc is its result or negative errno. Ends
 * the machine where the guest cannot go on.
 */
enum vmm_cpu_next vmm_cpu_exit(struct vmm_cpus *cpus,
			       const struct vmm_cpus_config *config,
			       unsigned int cpu, struct kvm_run *run, int rc);

#endif

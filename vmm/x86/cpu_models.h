/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Models of processors: sets of features that guests can use on different hosts. Those of the
 * levels x86-64-v2 to x86-64-v4 of the psABI have the features of their level and no others, so
 * that a guest finds the same ones on each host that has them.
 *
 * Threads: no state.
 */
#ifndef VMM_X86_CPU_MODELS_H
#define VMM_X86_CPU_MODELS_H

#include "x86/cpuid_table.h"

enum vmm_cpu_model {
	VMM_CPU_HOST,		/* everything that KVM supports */
	VMM_CPU_PLAIN,		/* VMM_CPU_V2, without a check of the host */
	VMM_CPU_V2,
	VMM_CPU_V3,		/* AVX2 */
	VMM_CPU_V4,		/* AVX-512 */
};

/*
 * Whether KVM supports all features of a level, by its table; other models need none. -EOPNOTSUPP: err names those
 * that are missing.
 */
int vmm_cpu_model_check(struct kvm_cpuid2 *supported, enum vmm_cpu_model model,
			struct vsu_error *err);

/* Removes what is not in the model from KVM's table. */
void vmm_cpu_model_apply(struct kvm_cpuid2 *table, enum vmm_cpu_model model);

#endif

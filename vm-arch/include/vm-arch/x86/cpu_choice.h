/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The choice of --cpu on x86-64, as a value: a model, or a described processor. All zero is the
 * host's processor.
 *
 * Threads: no state.
 */
#ifndef VMM_TARGET_CPU_CHOICE_H
#define VMM_TARGET_CPU_CHOICE_H

#include <stdint.h>

/* Words of --cpu in the table of options. */
#define VMM_CPU_ARG "host|plain|x86-64-v2|x86-64-v3|x86-64-v4|FILE"
#define VMM_CPU_HELP "CPU model: all host features, a level, or a file of 'cvmm cpu'; plain: x86-64-v2, unchecked"

#define VMM_CPU_MAX_FEATURES 192

/* A set of features, by their index. */
struct vmm_cpu_set {
	uint64_t bits[VMM_CPU_MAX_FEATURES / 64];
};

#define VMM_CPU_VENDOR 12	/* letters of a vendor */

struct vmm_cpu_description {
	char vendor[VMM_CPU_VENDOR + 1];
	unsigned int family, model, stepping;
	struct vmm_cpu_set features;
};

enum vmm_cpu_model {
	VMM_CPU_HOST,		/* everything that KVM supports */
	VMM_CPU_PLAIN,		/* VMM_CPU_V2, without a check of the host */
	VMM_CPU_V2,
	VMM_CPU_V3,		/* AVX2 */
	VMM_CPU_V4,		/* AVX-512 */
	VMM_CPU_DESCRIBED,	/* by a file */
};

struct vmm_cpu_choice {
	enum vmm_cpu_model model;
	struct vmm_cpu_description described;	/* of VMM_CPU_DESCRIBED */
};

#endif

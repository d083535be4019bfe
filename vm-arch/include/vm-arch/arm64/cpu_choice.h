/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The choice of --cpu on arm64, as a value: all zero is the host's processor.
 *
 * Threads: no state.
 */
#ifndef VMM_TARGET_CPU_CHOICE_H
#define VMM_TARGET_CPU_CHOICE_H

#define VMM_CPU_ARG "host|plain"
#define VMM_CPU_HELP "CPU model: that of the host; plain: without SVE and pointer authentication"

enum vmm_cpu_model {
	VMM_CPU_HOST,		/* everything that KVM supports */
	VMM_CPU_PLAIN,
};

struct vmm_cpu_choice {
	enum vmm_cpu_model model;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The choice of --cpu on arm64, as a value: all zero is the host's processor.
 *
 * Threads: no state.
 */
#ifndef VARCH_TARGET_CPU_CHOICE_H
#define VARCH_TARGET_CPU_CHOICE_H

#define VARCH_CPU_ARG "host|plain"
#define VARCH_CPU_HELP "CPU model: that of the host; plain: without SVE and pointer authentication"

enum varch_cpu_model {
	VARCH_CPU_HOST,		/* everything that KVM supports */
	VARCH_CPU_PLAIN,
};

struct varch_cpu_choice {
	enum varch_cpu_model model;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The choice of --cpu on x86-64, as a value: a model, or a described processor. All zero is the
 * host's processor.
 *
 * Threads: no state.
 */
#ifndef VARCH_TARGET_CPU_CHOICE_H
#define VARCH_TARGET_CPU_CHOICE_H

#include <stdint.h>

/* Words of --cpu in the table of options. */
#define VARCH_CPU_ARG "host|plain|x86-64-v2|x86-64-v3|x86-64-v4|FILE"
#define VARCH_CPU_HELP "CPU model: all host features, a level, or a file with a description; plain: x86-64-v2, unchecked"

#define VARCH_CPU_MAX_FEATURES 192

/* A set of features, by their index. */
struct varch_cpu_set {
	uint64_t bits[VARCH_CPU_MAX_FEATURES / 64];
};

#define VARCH_CPU_VENDOR 12	/* letters of a vendor */

struct varch_cpu_description {
	char vendor[VARCH_CPU_VENDOR + 1];
	unsigned int family, model, stepping;
	struct varch_cpu_set features;
};

enum varch_cpu_model {
	VARCH_CPU_HOST,		/* everything that KVM supports */
	VARCH_CPU_PLAIN,		/* VARCH_CPU_V2, without a check of the host */
	VARCH_CPU_V2,
	VARCH_CPU_V3,		/* AVX2 */
	VARCH_CPU_V4,		/* AVX-512 */
	VARCH_CPU_DESCRIBED,	/* by a file */
};

struct varch_cpu_choice {
	enum varch_cpu_model model;
	struct varch_cpu_description described;	/* of VARCH_CPU_DESCRIBED */
};

#endif

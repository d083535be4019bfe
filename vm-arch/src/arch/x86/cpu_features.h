/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of the features of processors that a guest may use on several hosts: bits of CPUID.
 * Features that all 64-bit processors have are not listed, nor are those whose state or
 * registers a machine could not continue elsewhere.
 *
 * Threads: no state.
 */
#ifndef VARCH_X86_CPU_FEATURES_H
#define VARCH_X86_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

#include <vm-arch/cpu_choice.h>

#include "arch/x86/cpuid_table.h"

struct varch_cpu_feature {
	unsigned int level;	/* x86-64-vN that has it first; 0: of no level */
	uint32_t function, index;
	enum varch_cpuid_reg reg;
	unsigned int bit;
	const char *name;
};

/* Ends with a row without a name. */
extern const struct varch_cpu_feature varch_cpu_features[];

static inline bool varch_cpu_set_has(const struct varch_cpu_set *set, unsigned int feature)
{
	return set->bits[feature / 64] >> feature % 64 & 1;
}

static inline void varch_cpu_set_add(struct varch_cpu_set *set, unsigned int feature)
{
	set->bits[feature / 64] |= UINT64_C(1) << feature % 64;
}

/* Features of a level and those below it. */
struct varch_cpu_set varch_cpu_set_of_level(unsigned int level);

/* Features that a table has. */
struct varch_cpu_set varch_cpu_set_of_table(struct kvm_cpuid2 *table);

/* The features' bits of a register, of an entry with this index. */
uint32_t varch_cpu_set_bits(const struct varch_cpu_set *set, uint32_t function, uint32_t index,
			  enum varch_cpuid_reg reg);

/* The index of the feature with this name of len bytes, or -1. */
int varch_cpu_feature_find(const char *name, size_t len);

/*
 * Writes the names of the features of set that are not in other, separated by ", ", and counts
 * names that do not fit: "and 12 more". Returns the number of features.
 */
unsigned int varch_cpu_set_names(const struct varch_cpu_set *set, const struct varch_cpu_set *other,
			       char *names, size_t room);

#endif

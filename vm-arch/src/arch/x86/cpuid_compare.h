/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Compares the features of a saved processor with those of this host. */
#ifndef VARCH_X86_CPUID_COMPARE_H
#define VARCH_X86_CPUID_COMPARE_H

#include "arch/x86/cpuid_table.h"

/*
 * The host has the features that are in here or in shown. -EOPNOTSUPP: the host lacks
 * features, which err names.
 */
int varch_cpuid_compare(struct kvm_cpuid2 *saved, struct kvm_cpuid2 *here,
		      struct kvm_cpuid2 *shown, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Leaf 0xd of a CPUID table. */
#ifndef VMM_X86_CPUID_STATE_H
#define VMM_X86_CPUID_STATE_H

#include "kvm/uapi.h"

/*
 * Takes out of the extended state what belongs to features that the table has
 * not, and the leaf where there is no XSAVE. After the features were set.
 */
void vmm_cpuid_state(struct kvm_cpuid2 *table);

#endif

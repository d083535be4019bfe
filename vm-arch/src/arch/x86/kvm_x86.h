/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's kernel interface on x86-64, including parts that the build machine's header may lack. */
#ifndef VARCH_KVM_X86_H
#define VARCH_KVM_X86_H

#include <linux/kvm_para.h>

#include "kvm/uapi.h"

#ifndef KVM_CAP_VM_TYPES
#define KVM_CAP_VM_TYPES 235
#endif
#ifndef KVM_X86_SW_PROTECTED_VM
#define KVM_X86_SW_PROTECTED_VM 1
#endif
#ifndef KVM_CAP_EXIT_HYPERCALL
#define KVM_CAP_EXIT_HYPERCALL 201
#endif
#ifndef KVM_HC_MAP_GPA_RANGE
#define KVM_HC_MAP_GPA_RANGE 12
#endif
#ifndef KVM_FEATURE_HC_MAP_GPA_RANGE
#define KVM_FEATURE_HC_MAP_GPA_RANGE 16
#endif
#ifndef KVM_CAP_DISABLE_QUIRKS2
#define KVM_CAP_DISABLE_QUIRKS2 213
#endif
#ifndef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define KVM_X86_QUIRK_SLOT_ZAP_ALL (1 << 7)
#endif

/* In the hypercall's third argument: private instead of shared. */
#define VARCH_MAP_GPA_RANGE_ENCRYPTED	(1u << 4)
#define VARCH_MAP_GPA_RANGE_RESERVED	(~UINT64_C(0x1f))	/* bits 0 to 3: page size */

/* struct kvm_msrs with space for the MSRs of one read. */
struct varch_kvm_msrs {
	__u32 nmsrs;
	__u32 pad;
	struct kvm_msr_entry entries[3];
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* KVM's kernel interface as the fake answers it, also where the build machine's header lacks names. */
#ifndef VMM_TESTS_UAPI_H
#define VMM_TESTS_UAPI_H

#include <linux/kvm.h>
#include <linux/kvm_para.h>

#ifndef KVM_CAP_USER_MEMORY2
#define KVM_CAP_USER_MEMORY2 231
#endif
#ifndef KVM_CAP_MEMORY_FAULT_INFO
#define KVM_CAP_MEMORY_FAULT_INFO 232
#endif
#ifndef KVM_CAP_GUEST_MEMFD
#define KVM_CAP_GUEST_MEMFD 234
#endif
#ifndef KVM_CAP_GUEST_MEMFD_FLAGS
#define KVM_CAP_GUEST_MEMFD_FLAGS 244
#endif
#ifndef KVM_MEM_GUEST_MEMFD
#define KVM_MEM_GUEST_MEMFD (1UL << 2)
#endif
#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT 39
#endif
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
#ifndef KVM_CAP_DISABLE_QUIRKS2
#define KVM_CAP_DISABLE_QUIRKS2 213
#endif

struct fake_memory_fault {	/* in struct kvm_run, of KVM_EXIT_MEMORY_FAULT */
	__u64 flags;
	__u64 gpa;
	__u64 size;
};
#define FAKE_FAULT_PRIVATE (1u << 3)

struct fake_region2 {
	__u32 slot;
	__u32 flags;
	__u64 guest_phys_addr;
	__u64 memory_size;
	__u64 userspace_addr;
	__u64 guest_memfd_offset;
	__u32 guest_memfd;
	__u32 pad1;
	__u64 pad2[14];
};
#define FAKE_SET_REGION2 _IOW(KVMIO, 0x49, struct fake_region2)

struct fake_msrs {
	__u32 nmsrs;
	__u32 pad;
	struct kvm_msr_entry entries[3];
};

#endif

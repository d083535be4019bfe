/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM's kernel interface, including parts that the build machine's header may
 * lack. Features depend on the running kernel, not on that header.
 */
#ifndef VARCH_UAPI_H
#define VARCH_UAPI_H

#include <linux/kvm.h>

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

/* In struct kvm_run: the operands of KVM_EXIT_MEMORY_FAULT. */
struct varch_memory_fault {
	__u64 flags;
	__u64 gpa;
	__u64 size;
};
#define VARCH_MEMORY_FAULT_PRIVATE	(1u << 3)

#define VARCH_GUEST_MEMFD_MMAP		(1u << 0)
#define VARCH_GUEST_MEMFD_INIT_SHARED	(1u << 1)

/* The same as struct kvm_userspace_memory_region2. */
struct varch_region2 {
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

#define VARCH_SET_REGION2 _IOW(KVMIO, 0x49, struct varch_region2)

#endif

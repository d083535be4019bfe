/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Definitions that the headers of an old build machine lack. The running kernel
 * is asked whether it has it; no feature depends on where this was built.
 */
#ifndef VMEM_UAPI_H
#define VMEM_UAPI_H

#include <linux/ioctl.h>
#include <linux/mempolicy.h>
#include <linux/types.h>

/* linux/kvm.h exists for some processors only, so nothing is taken from it. */
#define VMEM_KVM_CHECK_EXTENSION _IO(0xae, 0x03)
#define VMEM_KVM_CAP_MEMORY_ATTRIBUTES 233
#define VMEM_KVM_CAP_GUEST_MEMFD 234
#define VMEM_KVM_CAP_GUEST_MEMFD_FLAGS 244

#define VMEM_GMEM_FLAG_MMAP (1ull << 0)
#define VMEM_GMEM_FLAG_INIT_SHARED (1ull << 1)
#define VMEM_ATTRIBUTE_PRIVATE (1ull << 3)

struct vmem_kvm_create_guest_memfd {
	__u64 size;
	__u64 flags;
	__u64 reserved[6];
};

struct vmem_kvm_memory_attributes {
	__u64 address;
	__u64 size;
	__u64 attributes;
	__u64 flags;
};

_Static_assert(sizeof(struct vmem_kvm_create_guest_memfd) == 64, "ABI");
_Static_assert(sizeof(struct vmem_kvm_memory_attributes) == 32, "ABI");

#define VMEM_KVM_CREATE_GUEST_MEMFD \
	_IOWR(0xae, 0xd4, struct vmem_kvm_create_guest_memfd)
#define VMEM_KVM_SET_MEMORY_ATTRIBUTES \
	_IOW(0xae, 0xd2, struct vmem_kvm_memory_attributes)

#define VMEM_MPOL_PREFERRED_MANY 5

#endif

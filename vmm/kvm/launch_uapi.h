/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * KVM_MEMORY_ENCRYPT_OP of SEV-SNP (Linux 6.11) and TDX (Linux 6.16): commands and their
 * structures, which the build machine's header may lack. Reserved members are zero.
 */
#ifndef VMM_KVM_LAUNCH_UAPI_H
#define VMM_KVM_LAUNCH_UAPI_H

#include <stdint.h>

#include "kvm/uapi.h"

#define VMM_KVM_TYPE_SNP	4
#define VMM_KVM_TYPE_TDX	5

enum {
	VMM_SEV_INIT2 = 22,
	VMM_SNP_LAUNCH_START = 100,
	VMM_SNP_LAUNCH_UPDATE,
	VMM_SNP_LAUNCH_FINISH,
};

struct vmm_sev_cmd {
	__u32 id;
	__u32 pad;
	__u64 data;	/* address of the command's structure */
	__u32 error;	/* of the firmware, on failure */
	__u32 sev_fd;
};

struct vmm_sev_init {
	__u64 vmsa_features;
	__u32 flags;
	__u16 ghcb_version;	/* 0: the default */
	__u16 pad1;
	__u32 pad2[8];
};

struct vmm_snp_launch_start {
	__u64 policy;
	__u8 gosvw[16];
	__u16 flags;
	__u8 pad0[6];
	__u64 pad1[4];
};

#define VMM_SNP_PAGE_NORMAL	1
#define VMM_SNP_PAGE_UNMEASURED	4

/* KVM advances the first three members by what it has done. */
struct vmm_snp_launch_update {
	uint64_t gfn_start;
	uint64_t uaddr;
	uint64_t len;
	__u8 type;
	__u8 pad0;
	__u16 flags;
	__u32 pad1;
	__u64 pad2[4];
};

struct vmm_snp_launch_finish {
	__u64 id_block_uaddr;
	__u64 id_auth_uaddr;
	__u8 id_block_en;
	__u8 auth_key_en;
	__u8 vcek_disabled;
	__u8 host_data[32];
	__u8 pad0[3];
	__u16 flags;
	__u64 pad1[4];
};

enum {
	VMM_TDX_CAPABILITIES,
	VMM_TDX_INIT_VM,
	VMM_TDX_INIT_VCPU,
	VMM_TDX_INIT_MEM_REGION,
	VMM_TDX_FINALIZE_VM,
};

struct vmm_tdx_cmd {
	__u32 id;
	__u32 flags;
	__u64 data;	/* a number, or the address of the command's structure */
	__u64 hw_error;	/* of the TDX module, on failure */
};

/* The maximum that KVM accepts for KVM_SET_CPUID2. */
#define VMM_TDX_MAX_CPUID 256

struct vmm_tdx_cpuid {
	__u32 nent;
	__u32 pad;
	struct kvm_cpuid_entry2 entries[VMM_TDX_MAX_CPUID];
};

struct vmm_tdx_capabilities {
	__u64 supported_attrs;
	__u64 supported_xfam;
	__u64 calls[4];
	__u64 reserved[250];
	struct vmm_tdx_cpuid cpuid;	/* bits that the VMM can choose */
};

struct vmm_tdx_init_vm {
	__u64 attributes;
	__u64 xfam;
	__u64 mrconfigid[6];
	__u64 mrowner[6];
	__u64 mrownerconfig[6];
	__u64 reserved[12];
	struct vmm_tdx_cpuid cpuid;
};

#define VMM_TDX_MEASURE		(1u << 0)

/* KVM advances the members by what it has done. */
struct vmm_tdx_mem_region {
	uint64_t source_addr;
	uint64_t gpa;
	uint64_t nr_pages;
};

#endif

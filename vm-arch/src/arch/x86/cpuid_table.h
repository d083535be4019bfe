/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A CPUID table: entries by function and index, in no order. */
#ifndef VARCH_X86_CPUID_TABLE_H
#define VARCH_X86_CPUID_TABLE_H

#include <stdint.h>

#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>

#include "kvm/uapi.h"

#define VARCH_CPUID_ANY UINT32_MAX	/* whatever the index */
#define VARCH_CPUID_NAME 0x80000002u	/* the first leaf of the name */

enum varch_cpuid_reg { VARCH_EAX, VARCH_EBX, VARCH_ECX, VARCH_EDX };

#define VARCH_CPUID_MAX 256	/* entries of a table */

/* Fetches the supported leaves from KVM, also for later calls of varch_cpuid_supported(). */
int varch_cpuid_fetch(struct varch_vm *kvm, struct vsu_error *err);

/* A table with room for VARCH_CPUID_MAX entries, filled by KVM; free() it. */
int varch_cpuid_supported(const struct varch_vm *kvm, struct kvm_cpuid2 **out,
			struct vsu_error *err);

/* A table with the leaves that this vCPU has; free() it. -ENOMEM, or an error of KVM. */
int varch_cpuid_of_cpu(int cpu_fd, struct kvm_cpuid2 **out);

/*
 * The name of the processor, three leaves of 16 bytes, where KVM left them
 * empty, as older ones do.
 */
void varch_cpuid_name(struct kvm_cpuid2 *table, const uint32_t name[12]);

/* The first such entry, or NULL. */
struct kvm_cpuid_entry2 *varch_cpuid_find(struct kvm_cpuid2 *table,
					uint32_t function, uint32_t index);

uint32_t *varch_cpuid_register(struct kvm_cpuid_entry2 *e,
			     enum varch_cpuid_reg reg);

/* Removes the entries of the functions first to last. */
void varch_cpuid_remove_leaves(struct kvm_cpuid2 *table, uint32_t first,
			     uint32_t last);

/* -ENOSPC: the table is full. */
int varch_cpuid_add(struct kvm_cpuid2 *table, const struct kvm_cpuid_entry2 *e);

#endif

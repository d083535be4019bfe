/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads and writes all model-specific registers of a vCPU. */
#ifndef VARCH_X86_MSRS_H
#define VARCH_X86_MSRS_H

#include <stdint.h>

#include <vm-arch/vm.h>

#include "kvm/uapi.h"

#define VARCH_MAX_MSRS 1024u

/*
 * Stores up to VARCH_MAX_MSRS registers, those that this vCPU has. Returns their number,
 * or a negative errno.
 */
int varch_msrs_read(const struct varch_vm *kvm, int cpu_fd, struct kvm_msr_entry *out);

/*
 * Writes up to VARCH_MAX_MSRS registers in the order of all, which it changes: the deadline
 * of the timer is last. -EOPNOTSUPP: KVM does not accept the value of register *refused.
 */
int varch_msrs_write(int cpu_fd, struct kvm_msr_entry *all, uint32_t n, uint32_t *refused);

/* Gives a vCPU the values of another one, where that has the register and KVM accepts them. */
void varch_msrs_copy(int from_fd, int to_fd, const uint32_t *indices, unsigned int n);

#endif

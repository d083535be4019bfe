/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * MSI messages as interrupts of KVM. A message needs no descriptor and no entry in a table
 * of KVM, so a machine can have any number of vectors.
 *
 * Threads: any.
 */
#ifndef VARCH_VM_MSI_H
#define VARCH_VM_MSI_H

#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/vm.h>

VSU_BEGIN_DECLS

/* -EOPNOTSUPP: this VM receives no messages. */
VARCH_API int varch_msi_check(const struct varch_vm *kvm, struct vsu_error *err) VSU_NODISCARD;

/*
 * sender: requester ID of the function. 0: sent, or the guest does not receive it; -EINVAL or another errno:
 * KVM refuses the address.
 */
VARCH_API int varch_msi_send(const struct varch_vm *kvm, uint32_t sender, uint64_t address, uint32_t data) VSU_NODISCARD;

VSU_END_DECLS

#endif

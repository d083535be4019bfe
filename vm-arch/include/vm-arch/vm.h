/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Opens KVM and creates a VM, with the interrupt controllers of its architecture.
 *
 * Threads: no state.
 */
#ifndef VARCH_VM_OPEN_H
#define VARCH_VM_OPEN_H

#include <vm-arch/kvm.h>

/*
 * Opens /dev/kvm and creates a VM with interrupt controllers. -ENOENT, -EACCES
 * and similar: the device node; -EOPNOTSUPP: a missing capability; or the error of
 * a KVM call. private_memory: create a VM of the type with private memory.
 */
int varch_vm_open(struct varch_vm *kvm, bool private_memory,
		 struct vsu_error *err);
/* The same for a descriptor of /dev/kvm, which is borrowed; NULL: it is opened. */
int varch_vm_open_given(struct varch_vm *kvm, const int *device, bool private_memory,
		       struct vsu_error *err);

#endif

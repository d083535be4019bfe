/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Calls of KVM.
 *
 * Threads: any.
 */
#ifndef VARCH_KVM_IOCTL_H
#define VARCH_KVM_IOCTL_H

#include <vm-arch/vm.h>

/* ioctl(), repeated after EINTR; returns a negative errno on failure. */
int varch_ioctl(int fd, unsigned long request, void *arg);

/* The value of a capability; 0: not supported. */
int varch_vm_capability(const struct varch_vm *kvm, int capability);

/*
 * Creates CPU number: its descriptor and its struct kvm_run of vcpu_map_size bytes. KVM
 * creates a CPU once: *fd, -1 at first, remains open for the next call where only run could
 * not be mapped.
 */
int varch_vm_make_cpu(const struct varch_vm *kvm, unsigned int number, int *fd,
		     struct kvm_run **run, struct vsu_error *err);

#endif

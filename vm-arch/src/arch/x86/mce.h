/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Machine checks report a lost page of memory to the guest (Intel SDM volume
 * 3, "Machine-Check Architecture").
 *
 * Threads: the main thread, while no CPU runs.
 */
#ifndef VARCH_MCE_H
#define VARCH_MCE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/vm.h>

/* Enables those that KVM supports; without support does nothing. */
void varch_mce_setup(const struct varch_vm *kvm, int cpu_fd);

#endif

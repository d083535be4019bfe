/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exits of a CPU from the guest: accesses are carried out on the buses; every
 * other exit becomes a verdict for the CPU's thread.
 *
 * Threads: the CPU's thread.
 */
#ifndef VARCH_CPU_EXIT_H
#define VARCH_CPU_EXIT_H

#include <vm-arch/exits.h>

#include "kvm/uapi.h"

/* Handles one return of KVM_RUN for fd: rc is its result or negative errno. */
void varch_cpu_exit(const struct varch_cpu_hooks *hooks, unsigned int cpu, int fd,
		  struct kvm_run *run, int rc, struct varch_cpu_verdict *verdict);

/* Handles an access of the guest to a lost page at hva. */
void varch_cpu_poisoned(const struct varch_cpu_hooks *hooks, unsigned int cpu,
		      uint64_t hva, struct varch_cpu_verdict *verdict);

#endif

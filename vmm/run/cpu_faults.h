/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory faults of CPUs: the callbacks of struct varch_cpu_hooks, with a struct
 * vmm_machine as opaque.
 *
 * Threads: the CPU's thread. Changes of shared state are carried out on the main
 * thread.
 */
#ifndef VMM_RUN_CPU_FAULTS_H
#define VMM_RUN_CPU_FAULTS_H

#include <vm-arch/cpus.h>

#include "memory/memory.h"

struct vmm_machine;

/* Memory at gpa was lost: applies the user's choice (--on-memory-error). */
void vmm_machine_memory_lost(struct vmm_machine *m, uint64_t gpa,
			     enum vmm_memory_loss loss);

/*
 * A page that this CPU accesses is unavailable. Returns true to retry: a mapping
 * was repaired, the map has changed, or retries are left. Lost memory is treated
 * as the user chose (--on-memory-error).
 */
bool vmm_fault_repair(void *machine, unsigned int cpu);

/*
 * Checks whether files behind memory or windows were truncated, without a fault of
 * a CPU, and applies the user's choice. Main thread.
 */
void vmm_fault_look_at_files(struct vmm_machine *m);

/*
 * This CPU accessed a page that the host's hardware lost: injects a machine check
 * into the guest. -EOPNOTSUPP, with the reason, if that is impossible.
 */
int vmm_fault_poisoned(void *machine, unsigned int cpu, uint64_t hva,
		       struct vsu_error *err);

/*
 * The hardware lost a page that the guest has not accessed yet: injects a machine check from
 * which the guest can recover without loss. Main thread.
 */
void vmm_fault_poisoned_early(struct vmm_machine *m, uint64_t hva);

#endif

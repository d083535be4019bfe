/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pages that a CPU cannot go on without: the callbacks of struct vmm_cpu_hooks,
 * with a struct vmm_machine.
 *
 * Threads: the CPU's; what concerns others is carried to the main thread.
 */
#ifndef VMM_FAULTS_H
#define VMM_FAULTS_H

#include "cpu/cpus.h"
#include "memory/memory.h"

struct vmm_machine;

/* A part of its memory, at gpa, is gone: what the user chose is done. */
void vmm_machine_memory_lost(struct vmm_machine *m, uint64_t gpa,
			     enum vmm_memory_loss loss);

/*
 * A page that this CPU needs cannot be had. True when it may try again: then
 * something was mended, the map changed, or it has tries left. Memory is
 * treated as the user chose (--on-memory-error).
 */
bool vmm_fault_repair(void *machine, unsigned int cpu);

/*
 * Looks whether files behind memory or windows were cut, without a CPU having
 * said so; what the user chose is done. Main thread.
 */
void vmm_fault_look_at_files(struct vmm_machine *m);

/*
 * This CPU touched a page that the host's hardware lost: the guest is told by
 * a machine check. -EOPNOTSUPP when it cannot be, with the sentence for it.
 */
int vmm_fault_poisoned(void *machine, unsigned int cpu, uint64_t hva,
		       struct vsu_error *err);

/*
 * The same of a page that nobody has touched yet; nothing is lost before
 * somebody does. Main thread.
 */
void vmm_fault_poisoned_early(struct vmm_machine *m, uint64_t hva);

/* As vmm_private_convert(), and -ECANCELED when the machine ends. */
int vmm_fault_convert(void *machine, unsigned int cpu,
		      const struct vmm_conversion *c, struct vsu_error *err);

#endif

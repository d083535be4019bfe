/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files that were cut short under a CPU, and memory of two layers. */
#include <config.h>

#include <errno.h>

#include "cpu/cpu_faults.h"
#include "machine/machine.h"

static bool drop_short(void *opaque, struct vmm_ticket *ticket)
{
	struct vmm_machine *m = opaque;

	(void)ticket;
	vmm_shmem_drop_short(&m->shmem);
	return true;
}

/*
 * A file behind memory, or behind a window, ended under this CPU. It may go on
 * when something was mended since it last did.
 */
bool vmm_fault_repair(void *machine, unsigned int cpu)
{
	struct vmm_machine *m = machine;
	const bool memory = vmm_memory_repair(&m->memory, cpu);
	uint64_t seen = m->seen_drops[cpu];

	vmm_cpus_carry(m->cpus, drop_short, m);
	m->seen_drops[cpu] = __atomic_load_n(&m->shmem.drops,
					     __ATOMIC_RELAXED);
	return memory || m->seen_drops[cpu] != seen;
}

/* What a CPU waits for. */
struct wish {
	struct vmm_machine *machine;
	unsigned int cpu;
	const struct vmm_conversion *conversion;
	struct vsu_error *err;
	int rc;
};

static bool convert(void *opaque, struct vmm_ticket *ticket)
{
	struct wish *w = opaque;
	struct vmm_machine *m = w->machine;

	(void)ticket;
	w->rc = vmm_private_convert(&m->private_memory, m->kvm.vm_fd,
				    vmm_memory_map(&m->memory), w->cpu,
				    w->conversion, w->err);
	return true;
}

int vmm_fault_convert(void *machine, unsigned int cpu,
		      const struct vmm_conversion *c, struct vsu_error *err)
{
	struct wish w = { machine, cpu, c, err, -ECANCELED };

	vmm_cpus_carry(w.machine->cpus, convert, &w);
	return w.rc;
}

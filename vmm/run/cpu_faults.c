/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Handles inaccessible pages of a CPU. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-arch/arch.h>
#include <vmm-sys-util/exit.h>

#include "machine/machine.h"
#include "owner/owner.h"
#include "run/cpu_faults.h"

/* Consecutive faults of a CPU without a repair in between. */
#define TRIES_BEFORE_PROBING 4
#define MAX_TRIES 16

/*
 * Zeros may replace the end of a file that another process truncated. They never
 * replace data lost by hardware, which the guest would use as its own.
 */
void vmm_machine_memory_lost(struct vmm_machine *m, uint64_t gpa,
			     enum vmm_memory_loss loss)
{
	const char *why = vmm_memory_loss_text(loss);
	enum vmm_on_memory_error choice = m->config->on_memory_error;

	if (loss == VMM_MEMORY_DAMAGED)
		varch_cpus_end(m->cpus, VSU_EXIT_HOST,
			     "memory at %#" PRIx64 " is lost: %s", gpa, why);
	else if (choice == VMM_ON_MEMORY_ERROR_STOP)
		varch_cpus_end(m->cpus, VSU_EXIT_HOST,
			     "memory at %#" PRIx64 " is lost: %s; --on-memory-error=continue would continue with zeros",
			     gpa, why);
	else if (m->pause.life.guest != VMM_DAMAGED)
		vmm_log(&m->process.log, CVMM_LOG_ERROR, "memory",
			 "memory at %#" PRIx64 " is lost: %s; %s", gpa, why,
			 choice == VMM_ON_MEMORY_ERROR_PAUSE ?
			 "the guest is paused until it is ended" :
			 "the lost memory reads as zeros");
	if (choice == VMM_ON_MEMORY_ERROR_PAUSE && loss != VMM_MEMORY_DAMAGED &&
	    vmm_life_set_guest(&m->pause.life, VMM_DAMAGED))
		varch_cpus_pause(m->cpus);
}

/* A failed access, passed from the CPU thread to the main thread. */
struct fault {
	struct vmm_machine *machine;
	unsigned int cpu;
	bool again;	/* retry when the machine continues */
};

/* Returns true if memory was lost and the user's choice was applied. */
static bool mend_memory(struct fault *f, bool probe)
{
	struct vmm_machine *m = f->machine;
	enum vmm_memory_loss loss;
	uint64_t gpa;

	if (m->config->on_memory_error == VMM_ON_MEMORY_ERROR_CONTINUE)
		return vmm_memory_repair(&m->memory, f->cpu, probe);
	if (!vmm_memory_find_loss(&m->memory, probe, &gpa, &loss))
		return false;
	vmm_machine_memory_lost(m, gpa, loss);
	return true;
}

/* Returns true if the map has changed since this CPU's last fault. */
static bool mend_windows(struct fault *f, struct vmm_fault_state *state)
{
	struct vmm_windows *shmem = &f->machine->shmem;

	vmm_window_drop(shmem, VMM_WINDOW_SHORT);
	if (shmem->changes == state->seen)
		vmm_window_drop(shmem, VMM_WINDOW_MISSING);
	if (shmem->changes == state->seen && state->tries >= MAX_TRIES)
		vmm_window_drop(shmem, VMM_WINDOW_UNSEALED);
	return shmem->changes != state->seen;
}

void vmm_fault_look_at_files(struct vmm_machine *m)
{
	enum vmm_memory_loss loss;
	uint64_t gpa;

	vmm_window_drop(&m->shmem, VMM_WINDOW_SHORT);
	if (m->config->on_memory_error == VMM_ON_MEMORY_ERROR_CONTINUE)
		vmm_memory_mend(&m->memory);
	else if (m->pause.life.guest != VMM_DAMAGED &&
		 vmm_memory_find_loss(&m->memory, false, &gpa, &loss))
		vmm_machine_memory_lost(m, gpa, loss);
}

/*
 * KVM does not report which page failed. A file may be truncated, a page of it
 * unavailable, or a back-end may have removed its mapping in the meantime. A file
 * that was short only briefly appears valid now, so a few retries are allowed.
 * After them, every mapping of a file that can change is removed from its window,
 * and the machine continues.
 */
static bool mend_on_main(void *opaque, struct varch_main_call *call)
{
	struct fault *f = opaque;
	struct vmm_fault_state *state = &f->machine->faults[f->cpu];

	(void)call;
	f->again = true;
	if (!mend_memory(f, state->tries >= TRIES_BEFORE_PROBING) &&
	    !mend_windows(f, state))
		f->again = state->tries++ < MAX_TRIES;
	else
		state->tries = 0;
	state->seen = f->machine->shmem.changes;
	return true;
}

bool vmm_fault_repair(void *machine, unsigned int cpu)
{
	struct fault f = { machine, cpu, true };

	varch_cpus_call_main(f.machine->cpus, mend_on_main, &f);
	return f.again;
}

/* A host address, and its guest address. */
struct place {
	const struct vmm_memory *memory;
	uint64_t hva, gpa;
};

static bool find_gpa(void *opaque, struct varch_main_call *call)
{
	struct place *p = opaque;
	const void *hva = (const void *)(uintptr_t)p->hva;
	const struct vmem_region *region =
		vmem_map_find_hva(vmm_memory_map(p->memory), hva);

	(void)call;
	p->gpa = UINT64_MAX;
	if (region)
		p->gpa = vmem_region_gpa(region) + (p->hva -
			 (uint64_t)(uintptr_t)vmem_region_hva(region));
	return true;
}

int vmm_fault_poisoned(void *machine, unsigned int cpu, uint64_t hva,
		       struct vsu_error *err)
{
	struct vmm_machine *m = machine;
	struct place p = { &m->memory, hva, UINT64_MAX };
	int rc;

	varch_cpus_call_main(m->cpus, find_gpa, &p);
	if (p.gpa == UINT64_MAX)
		return vsu_error_set(err, -EFAULT,
				     "memory that the guest just used is lost: %s",
				     vmm_memory_loss_text(VMM_MEMORY_DAMAGED));
	rc = varch_report_loss(m->cpus->cpu[cpu].fd, p.gpa, true);
	if (rc < 0)
		return vsu_error_set(err, rc,
				     "memory at %#" PRIx64 " is lost: %s; the guest %s",
				     p.gpa, vmm_memory_loss_text(VMM_MEMORY_DAMAGED),
				     rc == -EBUSY ? "is still handling another machine check" :
				     "cannot receive a machine check");
	vmm_log(&m->process.log, CVMM_LOG_ERROR, "damage",
		 "memory at %#" PRIx64 " is lost: %s; the guest was notified",
		 p.gpa, vmm_memory_loss_text(VMM_MEMORY_DAMAGED));
	return 0;
}

void vmm_fault_poisoned_early(struct vmm_machine *m, uint64_t hva)
{
	struct place p = { &m->memory, hva, UINT64_MAX };
	int rc;

	find_gpa(&p, NULL);
	if (p.gpa == UINT64_MAX)
		return;
	varch_cpus_pause(m->cpus);
	rc = varch_report_loss(m->cpus->cpu[0].fd, p.gpa, false);
	varch_cpus_resume(m->cpus);
	vmm_log(&m->process.log, CVMM_LOG_ERROR, "damage",
		 "memory at %#" PRIx64 " is lost: %s; %s", p.gpa,
		 vmm_memory_loss_text(VMM_MEMORY_DAMAGED),
		 rc < 0 ? "it was not accessed yet" : "the guest was notified");
}

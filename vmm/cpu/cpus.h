/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The virtual CPUs: one thread each, which does nothing but KVM_RUN and what
 * its exits ask for.
 *
 *   pause    no CPU executes guest code until resume; the caller's thread may
 *            then change what the guest sees in more than one step
 *   carry    a CPU has something done on the main thread and waits for it
 *   end      the first CPU that has a reason to end the machine leaves it
 *            here; all others stop
 *
 * Threads: start, pause, resume, dispatch and stop belong to the main thread.
 * carry and end are for the CPU threads. A CPU that waits in carry counts as
 * paused, so that neither waits for the other.
 */
#ifndef VMM_CPUS_H
#define VMM_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "cpu/cpu_exit.h"
#include "kvm/kvm.h"

#define VMM_MAX_CPUS 64

struct vmm_cpus;

struct vmm_cpus_config {
	const struct vmm_kvm *kvm;
	unsigned int n;
	struct vmm_cpu_hooks hooks;	/* called on the CPUs' threads */
	/*
	 * A CPU did not come out of the guest when pause or stop waited for it:
	 * a page that it touched belongs to a file whose server does not
	 * answer, and no signal interrupts that. With hooks.opaque, on the
	 * thread that waits; when it returns, the wait goes on without end.
	 * NULL: so from the beginning.
	 */
	void (*stuck)(void *opaque);
	uint64_t patience_ns;	/* before stuck; 0: 4 s to stop, 20 s to pause */
};

int vmm_cpus_new(const struct vmm_cpus_config *config, struct vmm_cpus **out,
		 struct vsu_error *err);
void vmm_cpus_free(struct vmm_cpus *cpus);

/* The vCPU's descriptor, to set its registers before start. */
int vmm_cpus_fd(const struct vmm_cpus *cpus, unsigned int cpu);

int vmm_cpus_start(struct vmm_cpus *cpus, struct vsu_error *err);

/* Readable when a CPU asks for the main thread: call dispatch. */
int vmm_cpus_event_fd(const struct vmm_cpus *cpus);

/* Carries out what CPUs asked for. True when the machine is to end. */
bool vmm_cpus_dispatch(struct vmm_cpus *cpus);

void vmm_cpus_pause(struct vmm_cpus *cpus);
void vmm_cpus_resume(struct vmm_cpus *cpus);

/* Ends all CPU threads; status and *err are what end was told, if it was. */
void vmm_cpus_stop(struct vmm_cpus *cpus, int *status, struct vsu_error *err);

/*
 * Runs fn(opaque, ticket) on the main thread and waits until it is finished:
 * when fn returns true, or when the main thread says so with the ticket.
 */
struct vmm_ticket;
typedef bool (*vmm_carry_fn)(void *opaque, struct vmm_ticket *ticket);
void vmm_cpus_carry(struct vmm_cpus *cpus, vmm_carry_fn fn, void *opaque);

/* Ends a ticket that was kept: its CPU goes on. Main thread. */
void vmm_cpus_finish(struct vmm_cpus *cpus, struct vmm_ticket *ticket);

/* The machine is to end with this exit status; the first call counts. */
void vmm_cpus_end(struct vmm_cpus *cpus, int status, const char *fmt, ...)
	VSU_PRINTF(3, 4);

#endif

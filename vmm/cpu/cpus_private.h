/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* State of the CPU threads, shared by cpus.c, cpus_pause.c and cpus_call.c. */
#ifndef VMM_CPUS_PRIVATE_H
#define VMM_CPUS_PRIVATE_H

#include <pthread.h>
#include <signal.h>

#include "cpu/cpus.h"

/* Interrupts KVM_RUN. Never above SIGRTMIN: those can be refused, if others have used up the limit. */
#define VMM_CPU_KICK SIGUSR2

/*
 * A call of a function on the main thread. It is on the stack of the CPU's thread, which
 * waits until the function has finished or the main thread has stopped the machine.
 */
struct vmm_main_call {
	vmm_main_call_fn fn;
	void *opaque;
	bool done;
	struct vmm_main_call *next;
};

struct vmm_cpu_thread {
	struct vmm_cpus *cpus;
	struct kvm_run *run;
	pthread_t thread;
	unsigned int index;
	int fd;
	bool started;
	bool kicked;		/* under the lock: the signal was sent, and not taken yet */
	bool settled;		/* atomic: KVM has completed the last exit */
	struct vmm_cpu_counts counts;	/* atomic, written by the thread */
};

struct vmm_cpus {
	struct vmm_cpus_config config;
	struct vmm_cpu_thread cpu[VMM_MAX_CPUS];
	int event_fd;
	int attention;		/* atomic: leave the guest and check the state */

	pthread_mutex_t lock;	/* guards all members below */
	pthread_cond_t changed;
	struct vmm_main_call *calls;
	unsigned int waiting;	/* CPUs in vmm_cpus_call_main() */
	unsigned int finished;	/* of these, CPUs whose calls are finished */
	bool settling;		/* which may leave it during a pause */
	unsigned int in_guest;	/* threads that may run guest code */
	unsigned int pauses;
	uint64_t pause_began_ns, paused_ns; /* of the present pause; sum of the former ones */
	bool stopping, ended;
	int status;
	struct vsu_error why;
};

/* Counts a CPU as outside of the guest. Requires the lock. */
static inline void vmm_cpus_leave(struct vmm_cpus *cpus)
{
	cpus->in_guest--;
	pthread_cond_broadcast(&cpus->changed);
}

#endif

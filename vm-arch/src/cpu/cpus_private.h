/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of the virtual CPUs, for the files of cpus.h.
 *
 * Threads: as its members say.
 */
#ifndef VARCH_CPUS_PRIVATE_H
#define VARCH_CPUS_PRIVATE_H

#include <pthread.h>

#include <vm-arch/cpus.h>

/*
 * A call of a function on the main thread. It is on the stack of the CPU's thread, which
 * waits until the function has finished or the main thread has stopped the machine.
 */
struct varch_main_call {
	varch_main_call_fn fn;
	void *opaque;
	bool done;
	struct varch_main_call *next;
};

struct varch_cpu_thread {
	struct varch_cpus *cpus;
	struct kvm_run *run;
	pthread_t thread;
	unsigned int index;
	int fd;
	bool started;
	bool kicked;		/* under the lock: the signal was sent, and not taken yet */
	bool held;		/* under the lock: it does not resume */
	bool settled;		/* atomic: KVM has completed the last exit */
	struct varch_cpu_counts counts;	/* atomic, written by the thread */
};

struct varch_cpus {
	struct varch_cpus_config config;
	struct varch_cpu_thread cpu[VARCH_MAX_CPUS];
	unsigned int n;		/* atomic, written by the main thread: CPUs, the first ones of cpu */
	int event_fd;
	int attention;		/* atomic: leave the guest and check the state */

	pthread_mutex_t lock;	/* guards all members below */
	pthread_cond_t changed;
	struct varch_main_call *calls;
	unsigned int waiting;	/* CPUs in varch_cpus_call_main() */
	unsigned int finished;	/* of these, CPUs whose calls are finished */
	bool settling;		/* which may leave it during a pause */
	unsigned int in_guest;	/* threads that may run guest code */
	unsigned int pauses;
	uint64_t pause_began_ns, paused_ns; /* of the present pause; sum of the former ones */
	unsigned int lent;	/* threads in varch_cpus_run() */
	bool begun, stopping, ended;
	int status;
	struct vsu_error why;
};

/* Counts a CPU as outside of the guest. Requires the lock. */
void varch_cpus_leave(struct varch_cpus *cpus);

#endif

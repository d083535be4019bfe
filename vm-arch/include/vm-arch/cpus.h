/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The virtual CPUs: one thread each, which runs KVM_RUN and handles its exits.
 *
 *   pause    no CPU executes guest code until resume; the caller may then
 *            change state that the guest sees in several steps
 *   call     a CPU runs a function on the main thread and waits for its end
 *   end      the first CPU with a reason to end the machine stores it; all
 *            CPUs stop
 *
 *   run      a thread of the owner runs a CPU until the end, if the owner lends threads
 *   add      more CPUs, behind the others
 *
 * Threads: start, add, pause, resume, dispatch and stop are for the main thread, call_main
 * and end for the CPU threads, run for threads of the owner. A CPU that waits in call_main counts as paused, so
 * that the two cannot wait for each other.
 */
#ifndef VARCH_CPUS_H
#define VARCH_CPUS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/exits.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_MAX_CPUS 64

struct varch_cpus_config {
	struct varch_vm *kvm;
	unsigned int n;		/* CPUs of the beginning */
	struct varch_cpu_hooks hooks;	/* called on the CPU threads */
	const struct vsu_threads *threads; /* or NULL */
	bool lent;		/* no threads are started: the owner calls varch_cpus_run() */
	/* Called on each CPU thread before guest code, with hooks.opaque, or NULL; an error ends the machine. */
	int (*begin)(void *opaque, struct vsu_error *err);
	/*
	 * Called if a CPU does not leave the guest within patience_ns of a pause
	 * or stop: it accessed a page of a file with an unresponsive server,
	 * which no signal interrupts. Called with hooks.opaque on the waiting
	 * thread; when it returns, the wait continues without limit. NULL: wait
	 * without limit.
	 */
	void (*stuck)(void *opaque);
	uint64_t patience_ns;	/* before stuck; 0: 4 s for stop, 20 s for pause */
};

/* Numbers of returns from KVM_RUN since the start. Atomic; the CPU's thread writes them. */
struct varch_cpu_counts {
	uint64_t io, mmio;	/* accesses of the guest to devices */
	uint64_t interrupted;	/* by a signal of this process */
	uint64_t other;
};

struct varch_cpu {
	int fd;			/* the vCPU, to set its registers before start */
	bool held;		/* written while paused: it stays so when the others resume */
	struct varch_cpu_counts counts;
	/* private */
	struct varch_cpus *cpus;
	struct kvm_run *run;
	pthread_t thread;
	unsigned int index;
	bool started;
	bool kicked;		/* under the lock: the signal was sent, and not taken yet */
	bool settled;		/* atomic: KVM has completed the last exit */
};

struct varch_main_call;

/* Its members are read only, except held. */
struct varch_cpus {
	unsigned int n;		/* CPUs, from 0 on: varch_cpus_number() */
	int event_fd;		/* readable when a CPU needs the main thread: call dispatch */
	struct varch_cpu cpu[VARCH_MAX_CPUS];
	uint64_t paused_ns;	/* sum of the pauses that have ended; main thread */
	uint64_t pause_began_ns; /* of the present one, if there is any; main thread */
	unsigned int pauses;	/* 0: the CPUs run */
	/* private */
	struct varch_cpus_config config;
	int attention;		/* atomic: leave the guest and check the state */
	pthread_mutex_t lock;	/* guards all members below */
	pthread_cond_t changed;
	struct varch_main_call *calls;
	unsigned int waiting;	/* CPUs in varch_cpus_call_main() */
	unsigned int finished;	/* of these, CPUs whose calls are finished */
	bool settling;		/* which may leave it during a pause */
	unsigned int in_guest;	/* threads that may run guest code */
	unsigned int lent;	/* threads in varch_cpus_run() */
	bool begun, stopping, ended;
	int status;
	struct vsu_error why;
};

VARCH_API int varch_cpus_new(const struct varch_cpus_config *config, struct varch_cpus **out,
		 struct vsu_error *err) VSU_NODISCARD;
VARCH_API void varch_cpus_free(struct varch_cpus *cpus);

/* Number of CPUs. Any thread. */
static inline unsigned int varch_cpus_number(const struct varch_cpus *cpus)
{
	return __atomic_load_n(&cpus->n, __ATOMIC_ACQUIRE);
}

/*
 * Adds CPUs up to n in sum, at most VARCH_MAX_CPUS, to those that run. They have the processor of
 * CPU 0 and wait until another CPU of the guest starts them. A failed call may have added some.
 * -EOPNOTSUPP: this architecture cannot add CPUs.
 */
VARCH_API int varch_cpus_add(struct varch_cpus *cpus, unsigned int n, struct vsu_error *err) VSU_NODISCARD;

VARCH_API int varch_cpus_start(struct varch_cpus *cpus, struct vsu_error *err) VSU_NODISCARD;

/*
 * With lent: runs a CPU on this thread, from start until stop or free, which wait for the
 * return; signals are blocked meanwhile. It waits for start, or for end before it. A CPU that no thread runs is
 * paused for the others. -EINVAL: no such CPU, or not lent; -EBUSY: another thread runs it.
 */
VARCH_API int varch_cpus_run(struct varch_cpus *cpus, unsigned int cpu, struct vsu_error *err) VSU_NODISCARD;

/* Runs the functions of waiting CPUs. Returns true when the machine must end. */
VARCH_API bool varch_cpus_dispatch(struct varch_cpus *cpus);

/*
 * Pauses nest. A pause of a second or more is reported to the guest at its end: the guest's
 * watchdog would otherwise report hung CPUs.
 */
VARCH_API void varch_cpus_pause(struct varch_cpus *cpus);
VARCH_API void varch_cpus_resume(struct varch_cpus *cpus);

/*
 * While paused: completes the access of each CPU whose call is finished, without
 * running further guest code. 0: no CPU is in the middle of an instruction, and its
 * registers can be saved. -EAGAIN: a call is not finished; dispatch and settle again.
 * -EBUSY: a string instruction with many accesses; resume, pause and settle again.
 */
VARCH_API int varch_cpus_settle(struct varch_cpus *cpus) VSU_NODISCARD;

/* Ends all CPU threads; status and *err are those passed to end, if any. */
VARCH_API void varch_cpus_stop(struct varch_cpus *cpus, int *status, struct vsu_error *err);

/*
 * Runs fn(opaque, call) on the main thread and waits until it has finished:
 * when fn returns true, or when the main thread completes the call.
 */
typedef bool (*varch_main_call_fn)(void *opaque, struct varch_main_call *call);
VARCH_API void varch_cpus_call_main(struct varch_cpus *cpus, varch_main_call_fn fn, void *opaque);

/* Completes a call whose fn returned false; its CPU continues. Main thread. */
VARCH_API void varch_cpus_call_done(struct varch_cpus *cpus, struct varch_main_call *call);

/* Ends the machine with this exit status; only the first call has an effect. */
VARCH_API void varch_cpus_end(struct varch_cpus *cpus, int status, const char *fmt, ...)
	VSU_PRINTF(3, 4);

VSU_END_DECLS

#endif

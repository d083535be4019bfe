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
 *   add      a CPU more, behind the others
 *
 * Threads: start, add, pause, resume, dispatch and stop are for the main thread, call_main
 * and end for the CPU threads, run for threads of the owner. A CPU that waits in call_main counts as paused, so
 * that the two cannot wait for each other.
 */
#ifndef VARCH_CPUS_H
#define VARCH_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/exits.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_MAX_CPUS 64

struct varch_cpus;

struct varch_cpus_config {
	struct varch_vm *kvm;
	unsigned int n;		/* CPUs of the beginning */
	struct varch_cpu_hooks hooks;	/* called on the CPU threads */
	const struct vsu_threads *threads; /* or NULL */
	bool lent;		/* no threads are started: the owner calls varch_cpus_run() */
	/* On each CPU thread before guest code, with hooks.opaque, or NULL; an error ends the machine. */
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

VARCH_API int varch_cpus_new(const struct varch_cpus_config *config, struct varch_cpus **out,
		 struct vsu_error *err) VSU_NODISCARD;
VARCH_API void varch_cpus_free(struct varch_cpus *cpus);

/* Number of CPUs, from 0 on. Any thread. */
VARCH_API unsigned int varch_cpus_number(const struct varch_cpus *cpus);

/*
 * The vCPU's descriptor, to set its registers before start or add. cpu: below varch_cpus_number(), or that of a vCPU
 * that varch_cpus_make() has made.
 */
VARCH_API int varch_cpus_fd(const struct varch_cpus *cpus, unsigned int cpu) VSU_NODISCARD;

/*
 * Adds CPUs to those that run. make: vCPUs up to n in sum, below VARCH_MAX_CPUS, which do not
 * count yet and remain until the end; it may be repeated. add: starts the first one of them, as
 * start does. A failed call has added no CPU.
 */
VARCH_API int varch_cpus_make(struct varch_cpus *cpus, unsigned int n, struct vsu_error *err) VSU_NODISCARD;
VARCH_API int varch_cpus_add(struct varch_cpus *cpus, struct vsu_error *err) VSU_NODISCARD;

VARCH_API int varch_cpus_start(struct varch_cpus *cpus, struct vsu_error *err) VSU_NODISCARD;

/*
 * With lent: runs a CPU on this thread, from start until stop or free, which wait for the
 * return; signals are blocked meanwhile. It waits for start, or for end before it. A CPU that no thread runs is
 * paused for the others. -EINVAL: no such CPU, or not lent; -EBUSY: another thread runs it.
 */
VARCH_API int varch_cpus_run(struct varch_cpus *cpus, unsigned int cpu, struct vsu_error *err) VSU_NODISCARD;

/* Readable when a CPU needs the main thread: call dispatch. */
VARCH_API int varch_cpus_event_fd(const struct varch_cpus *cpus) VSU_NODISCARD;

/* Runs the functions of waiting CPUs. Returns true when the machine must end. */
VARCH_API bool varch_cpus_dispatch(struct varch_cpus *cpus);

VARCH_API void varch_cpus_pause(struct varch_cpus *cpus);
VARCH_API void varch_cpus_resume(struct varch_cpus *cpus);

/* While paused: whether this CPU, below varch_cpus_number(), stays so when the others resume. */
VARCH_API void varch_cpus_hold(struct varch_cpus *cpus, unsigned int cpu, bool held);

/*
 * While paused: completes the access of each CPU whose call is finished, without
 * running further guest code. 0: no CPU is in the middle of an instruction, and its
 * registers can be saved. -EAGAIN: a call is not finished; dispatch and settle again.
 * -EBUSY: a string instruction with many accesses; resume, pause and settle again.
 */
VARCH_API int varch_cpus_settle(struct varch_cpus *cpus) VSU_NODISCARD;

/* How long the machine was paused, in sum. Main thread. */
VARCH_API uint64_t varch_cpus_paused_ns(struct varch_cpus *cpus);

/*
 * Before resume after a long pause: reports the pause to the guest, whose watchdog
 * would otherwise report hung CPUs.
 */
VARCH_API void varch_cpus_mark_paused(const struct varch_cpus *cpus);

/* Numbers of returns from KVM_RUN since the start. */
struct varch_cpu_counts {
	uint64_t io, mmio;	/* accesses of the guest to devices */
	uint64_t interrupted;	/* by a signal of this process */
	uint64_t other;
};

/* The counts of a CPU, below varch_cpus_number(). Any thread. */
VARCH_API void varch_cpus_count(const struct varch_cpus *cpus, unsigned int cpu,
		    struct varch_cpu_counts *out);

/* Ends all CPU threads; status and *err are those passed to end, if any. */
VARCH_API void varch_cpus_stop(struct varch_cpus *cpus, int *status, struct vsu_error *err);

/*
 * Runs fn(opaque, call) on the main thread and waits until it has finished:
 * when fn returns true, or when the main thread completes the call.
 */
struct varch_main_call;
typedef bool (*varch_main_call_fn)(void *opaque, struct varch_main_call *call);
VARCH_API void varch_cpus_call_main(struct varch_cpus *cpus, varch_main_call_fn fn, void *opaque);

/* Completes a call whose fn returned false; its CPU continues. Main thread. */
VARCH_API void varch_cpus_call_done(struct varch_cpus *cpus, struct varch_main_call *call);

/* Ends the machine with this exit status; only the first call has an effect. */
VARCH_API void varch_cpus_end(struct varch_cpus *cpus, int status, const char *fmt, ...)
	VSU_PRINTF(3, 4);

VSU_END_DECLS

#endif

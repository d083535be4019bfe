/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Calls of the main thread, and the steps of an addition, for the files of cpus.h.
 *
 * Threads: as there.
 */
#ifndef VARCH_CPUS_PRIVATE_H
#define VARCH_CPUS_PRIVATE_H

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

/*
 * Makes vCPUs up to n in sum, which do not count yet and remain until the end; it may be repeated.
 * The first of them counts when it is started.
 */
int varch_cpus_make(struct varch_cpus *cpus, unsigned int n, struct vsu_error *err);
int varch_cpus_start_next(struct varch_cpus *cpus, struct vsu_error *err);

/* Counts a CPU as outside of the guest. Requires the lock. */
void varch_cpus_leave(struct varch_cpus *cpus);

#endif

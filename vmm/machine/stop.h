/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Stops CPUs and devices so that their state can be collected.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_STOP_H
#define VMM_MACHINE_STOP_H

#include "machine/machine.h"

/* 0 at the beginning. */
struct vmm_stop {
	unsigned int npaused;	/* devices, from the first on */
	unsigned int tries;	/* to stop the CPUs between two instructions */
};

/*
 * Repeated after each turn of the loop after vmm_cpus_pause(). 1: not stopped yet; 0: CPUs
 * and devices are stopped. Unless collects, a CPU may be between two accesses of a string
 * instruction, and devices get no part of their state ready. -EAGAIN: such an instruction
 * has too many accesses; or the error of a device that cannot pause.
 */
int vmm_stop_step(struct vmm_machine *m, struct vmm_stop *s, bool collects,
		  struct vsu_error *err);

/*
 * The part for devices, when the CPUs are paused; *npaused is 0 before. -EAGAIN: call it
 * again after a turn of the loop.
 */
int vmm_stop_devices(const struct vmm_machine *m, unsigned int *npaused, bool collects,
		     struct vsu_error *err);

/* Resumes that many devices, and the CPUs. */
void vmm_stop_resume(struct vmm_machine *m, unsigned int npaused);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine between its creation (setup/setup.h) and its end: its watchers, in the loop.
 *
 * Threads: the main thread.
 */
#ifndef VMM_RUN_LOOP_H
#define VMM_RUN_LOOP_H

#include "machine/machine.h"

/* Presses the power button of a machine that runs. A guest without a driver for it ignores that. */
void vmm_machine_press_button(struct vmm_machine *m);

/*
 * The guest runs from here on. The owner calls vsu_loop_dispatch() with loop whenever its
 * descriptor is readable, until that returns false. 0 or a negative errno.
 */
int vmm_machine_start(struct vmm_machine *m, struct vsu_error *err);

/*
 * Stops the CPUs; rc is what vmm_machine_start() returned, or the error before it. Returns
 * the exit status, with a message if any.
 */
int vmm_machine_end(struct vmm_machine *m, int rc, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machines of this process, one after another: a guest that reboots gets a new one.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMON_LIFE_H
#define VMM_COMMON_LIFE_H

#include <vmm-sys-util/error.h>

#include <cvmm/configuration.h>

#include "common/program_options.h"

struct confine_plan;
struct vmm_beside;

/*
 * The owner of each machine of this process: its log, threads, standard input and output, and
 * what options add. Without sigbus and servers; before the process is confined. beside, as of
 * vmm_machine_loop_run(), is borrowed until the process ends.
 */
void vmm_life_prepare(const struct vmm_program_options *options, struct confine_plan *plan,
		      const struct vmm_beside *beside, struct cvmm_host *owner);

/* Runs to the end; returns the exit status, with a message if any. After vmm_life_prepare(). */
int vmm_life_run(struct cvmm_configuration *c, const struct vmm_program_options *options,
		 const struct cvmm_host *owner, struct vsu_error *err);

#endif

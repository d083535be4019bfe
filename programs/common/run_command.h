/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "cvmm run": confines the process, and runs machines in it until the last one has ended.
 *
 * Threads: the main thread, once in a process.
 */
#ifndef VMM_COMMON_RUN_COMMAND_H
#define VMM_COMMON_RUN_COMMAND_H

#include <vmm-sys-util/error.h>

struct cvmm_options;
struct vmm_beside;
struct vmm_program_options;

/* Mappings of files, in all windows and memory. */
#define VMM_MAX_MAPPINGS 32768

/*
 * Runs the machine of these options, with a task beside it. p: of the process, which borrows it to its end.
 * Returns the exit status, with a sentence unless it is 0.
 */
int vmm_run_machine(const struct cvmm_options *o, const struct vmm_program_options *p,
		    const struct vmm_beside *beside, struct vsu_error *err);

/* A command line from "run" on. Returns the exit status, and prints its sentence. */
int vmm_run_words(int argc, char **argv, struct vsu_error *err);

/* "cvmm run" as a user has typed it: starts passt first, if the words ask for it. */
int vmm_run_command(int argc, char **argv);

#endif

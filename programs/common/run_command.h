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
struct vmm_run_line;
struct vsu_option;

/* Mappings of files, in all windows and memory. */
#define VMM_MAX_MAPPINGS 32768

/*
 * Runs the machine that the options describe, and the task beside it. The process borrows p to its end.
 * Returns the exit status, with a sentence unless it is 0.
 */
int vmm_run_machine(const struct cvmm_options *o, const struct vmm_program_options *p,
		    const struct vmm_beside *beside, struct vsu_error *err);

/*
 * Runs the machine of the line. table and argv are what the user has typed, and explain a failure.
 * Returns the exit status, and prints its sentence.
 */
int vmm_run_line_run(struct vmm_run_line *l, const struct vsu_option *table, int argc, char *const *argv,
		     struct vsu_error *err);

/* Explains a failure of such a line, and prints its sentence. Returns the status. */
int vmm_run_line_end(int status, const struct vsu_option *table, int argc, char *const *argv, struct vsu_error *err);

/* "cvmm run" as a user has typed it. */
int vmm_run_command(int argc, char **argv);

#endif

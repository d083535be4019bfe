/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "cvmm run": confines the process, and runs machines in it until the last one has ended.
 *
 * Threads: the main thread, once in a process.
 */
#ifndef VMM_COMMON_RUN_COMMAND_H
#define VMM_COMMON_RUN_COMMAND_H

#include <vmm-sys-util/error.h>

struct vmm_beside;

/* Mappings of files, in all windows and memory. */
#define VMM_MAX_MAPPINGS 32768

/* A command line from "run" on. The exit status; without beside, its sentence is printed. */
int vmm_run_words(int argc, char **argv, const struct vmm_beside *beside, struct vsu_error *err);

/* "cvmm run" as a user has typed it: starts passt first, if the words ask for it. */
int vmm_run_command(int argc, char **argv);

#endif

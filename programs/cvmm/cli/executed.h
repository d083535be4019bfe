/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Commands that are programs of their own, as those of git: "cvmm NAME" executes the installed
 * cvmm-NAME (common/helpers.h). Their names are in a table, so that no other word becomes a path.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CLI_EXECUTED_H
#define VMM_CLI_EXECUTED_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/*
 * argv is that of cvmm. Does not return if its first word is such a command, whose program becomes
 * this process: argv[0] of the program is "cvmm NAME", so that the command line of the process is
 * unchanged. 0: it is not such a command; otherwise the exit status: the program is not installed.
 */
int vmm_executed_become(int argc, char **argv, struct vsu_error *err);

/* Prints the help of a command of the table, by its program. 0, or the exit status. */
int vmm_executed_help(const char *name, struct vsu_error *err);

/* Prints the lines of an option in that help. False: the program, or the option of that name, does not exist. */
bool vmm_executed_help_option(const char *name, const char *option);

#endif

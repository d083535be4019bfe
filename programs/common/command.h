/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A program that cvmm executes for one of its commands.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMON_COMMAND_H
#define VMM_COMMON_COMMAND_H

#include <vmm-sys-util/option.h>

/*
 * The whole of main(): the process has the name cvmm, in the list of processes and in its messages,
 * and the exit status of fn. argv[0] stands for the name of the command.
 */
int vmm_command_main(int argc, char **argv, int (*fn)(int argc, char **argv));

/* Prints the usage, and a line or two for each option. Returns 0. */
int vmm_command_help(const struct vsu_option *options, const char *usage);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Words that are no command of cvmm: commands of other programs, of a running machine, topics
 * of the help, options and files.
 *
 * Threads: no state.
 */
#ifndef VMM_CLI_OTHER_COMMANDS_H
#define VMM_CLI_OTHER_COMMANDS_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/* Refuses a command, and names what corresponds. Names of commands end with NULL. */
int vmm_other_command(const char *word, const char *const *commands, struct vsu_error *err);

/* The topic of the help that another word for it means, or the word without its dashes. */
const char *vmm_topic_meant(const char *word);

/* Prints the lines of an option of run, boot and exec. False: none has it. */
bool vmm_help_option(const char *name);

/* Refuses a topic of the help, and names the nearest one. */
int vmm_other_help(const char *word, const char *const *commands, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Help texts of memory and of the devices, on standard output.
 *
 * Threads: the main thread.
 */
#ifndef VMM_HELP_H
#define VMM_HELP_H

#include <stdbool.h>

/* The properties of --memory. */
void vmm_help_memory(void);

/* One line with each topic. */
void vmm_help_topics(void);

/* A command of the control socket. False: no such topic. */
bool vmm_help_control(const char *topic);

/* The properties of a device: "disk", "blk" or "device". False: no such topic. */
bool vmm_help_device(const char *topic);

/* The topic that is spelled most nearly, or NULL. */
const char *vmm_help_nearest(const char *word);

#endif

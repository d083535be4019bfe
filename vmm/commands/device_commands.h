/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Control commands for devices; each is a vmm_control_fn with the machine as opaque.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMANDS_DEVICE_COMMANDS_H
#define VMM_COMMANDS_DEVICE_COMMANDS_H

#include "machine/machine.h"

int vmm_command_device_add(void *machine, char *const *words, FILE *answer,
			   struct vsu_error *err);
int vmm_command_device_del(void *machine, char *const *words, FILE *answer,
			   struct vsu_error *err);
int vmm_command_limit(void *machine, char *const *words, FILE *answer,
		      struct vsu_error *err);
int vmm_command_resize(void *machine, char *const *words, FILE *answer,
		       struct vsu_error *err);
int vmm_command_balloon(void *machine, char *const *words, FILE *answer,
			struct vsu_error *err);

#endif

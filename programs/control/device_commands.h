/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Commands for devices; each is a vmm_control_fn with a struct vmm_machine_socket.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_DEVICE_COMMANDS_H
#define VMM_CONTROL_DEVICE_COMMANDS_H

#include <stdio.h>

#include <vmm-sys-util/error.h>

int vmm_command_device_add(void *commands, char *const *words, FILE *answer,
			   struct vsu_error *err);
int vmm_command_device_del(void *commands, char *const *words, FILE *answer,
			   struct vsu_error *err);
int vmm_command_limit(void *commands, char *const *words, FILE *answer,
		      struct vsu_error *err);
int vmm_command_resize(void *commands, char *const *words, FILE *answer,
		       struct vsu_error *err);
int vmm_command_balloon(void *commands, char *const *words, FILE *answer,
			struct vsu_error *err);

#endif

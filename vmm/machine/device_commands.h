/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Control commands for devices; each is a vmm_control_fn with the machine as opaque.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_DEVICE_COMMANDS_H
#define VMM_MACHINE_DEVICE_COMMANDS_H

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

/* -EBUSY while the machine is being saved or migrated. */
int vmm_refuse_during_save(const struct vmm_machine *m, struct vsu_error *err);

/* -EBUSY while a change of the device, or of the machine if it is NULL, would be lost. */
int vmm_refuse_during_hand_over(const struct vmm_machine *m,
				const struct vmm_device *d, char *const *words,
				struct vsu_error *err);

#endif

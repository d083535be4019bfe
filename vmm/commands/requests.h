/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests to the machine. A command calls one after it has read its words, and a function of
 * <cvmm/requests.h> calls the same one. Each has the form of vmm_control_command.request, with
 * the machine as opaque.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMANDS_REQUESTS_H
#define VMM_COMMANDS_REQUESTS_H

#include "machine/machine.h"

/* Without an argument. */
int vmm_request_pause(void *machine, const void *none, FILE *answer, struct vsu_error *err);
int vmm_request_resume(void *machine, const void *none, FILE *answer, struct vsu_error *err);
int vmm_request_power_button(void *machine, const void *none, FILE *answer, struct vsu_error *err);
int vmm_request_reset(void *machine, const void *none, FILE *answer, struct vsu_error *err);
int vmm_request_quit(void *machine, const void *none, FILE *answer, struct vsu_error *err);
int vmm_request_cancel(void *machine, const void *none, FILE *answer, struct vsu_error *err);

/* An unsigned int, how many the machine has afterwards. */
int vmm_request_cpus(void *machine, const void *number, FILE *answer, struct vsu_error *err);

/* A struct cvmm_save, a struct cvmm_core, and a struct cvmm_migration. */
int vmm_request_save(void *machine, const void *save, FILE *answer, struct vsu_error *err);
int vmm_request_core(void *machine, const void *core, FILE *answer, struct vsu_error *err);
int vmm_request_migrate(void *machine, const void *migration, FILE *answer,
			struct vsu_error *err);

struct vmm_device_addition {
	const char *properties;	/* which name vmm_control_passed() */
	struct virtdev *own;	/* the device of "own:NAME"; NULL: one of the owner's */
	unsigned int *number;	/* receives that of the device; NULL: not wanted */
};

/* A change of a device that exists or is coming. */
struct vmm_device_change {
	unsigned int number;
	const char *name;	/* the word of the user, for messages; NULL: the number */
	bool force;		/* of a removal */
	bool wait;		/* likewise: answer when the device is gone */
	uint64_t bytes;		/* of a new size */
	const char *properties;	/* of limits */
};

int vmm_request_device_add(void *machine, const void *addition, FILE *answer,
			   struct vsu_error *err);
int vmm_request_device_del(void *machine, const void *change, FILE *answer,
			   struct vsu_error *err);
int vmm_request_resize(void *machine, const void *change, FILE *answer, struct vsu_error *err);
int vmm_request_limit(void *machine, const void *change, FILE *answer, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A failure on its way to the user: the sentence of the library that refused,
 * and the exit status that the program ends with.
 */
#ifndef VMM_FAILURE_H
#define VMM_FAILURE_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

/* The step that failed; it decides what a code means. */
enum vmm_stage {
	VMM_STAGE_OPTIONS,
	VMM_STAGE_KERNEL,	/* finding it and its content */
	VMM_STAGE_KVM,
	VMM_STAGE_MEMORY,
	VMM_STAGE_DISK,
	VMM_STAGE_SOCKET,
	VMM_STAGE_VHOST,	/* of the host's kernel */
	VMM_STAGE_CONSOLE,
	VMM_STAGE_RUN,
};

/* The exit status for a negative errno of that stage. */
int vmm_exit_status(enum vmm_stage stage, int code);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reports of failures to the user: the message of the failed call, and the exit
 * status of the program.
 */
#ifndef VMM_FAILURE_H
#define VMM_FAILURE_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

/* The step that failed; it determines the meaning of an error code. */
enum vmm_stage {
	VMM_STAGE_OPTIONS,
	VMM_STAGE_CONFIGURATION,
	VMM_STAGE_KERNEL,	/* its file and content */
	VMM_STAGE_KVM,
	VMM_STAGE_MEMORY,
	VMM_STAGE_DISK,
	VMM_STAGE_SOCKET,
	VMM_STAGE_VHOST,	/* vhost of the host's kernel */
	VMM_STAGE_CONSOLE,
	VMM_STAGE_STREAM,	/* of a migration */
	VMM_STAGE_RUN,
};

/* The exit status for a negative errno in that stage. */
int vmm_exit_status(enum vmm_stage stage, int code);

#endif

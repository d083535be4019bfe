/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The system calls of a process that runs guests: one filter for the process, and
 * narrower ones for its threads that need few calls. Permanent, process-wide.
 */
#ifndef VMM_CLI_CALL_FILTERS_H
#define VMM_CLI_CALL_FILTERS_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

#include "confine/call_filter.h"
#include "log.h"
#include "machine/owner.h"

/* Requirements of options, besides those of every machine. */
struct vmm_call_needs {
	bool folder;		/* this process shares a folder, or may share one later */
	bool user;		/* it changes its user */
	const struct vsu_sock_access *sockets; /* that its sockets get; NULL: 0600, own group */
};

/*
 * Call it before the first thread is started. A host or build without filters is logged
 * with that level.
 */
int vmm_call_filters_start(enum call_filter_action action, const struct vmm_call_needs *needs,
			   enum prog_log_level complaint, struct vsu_error *err);

/* The calling thread's filter. Does nothing before vmm_call_filters_start(). */
int vmm_call_filters_narrow(enum vmm_thread thread, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Confinement of a daemon that has opened its socket, device and loop, so that
 * a compromised daemon has few rights.
 *
 * Threads: the calls affect all threads of the process, unless stated
 * otherwise.
 */
#ifndef DAEMONS_CONFINE_H
#define DAEMONS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "confine/call_filter.h"
#include "confine/privileges.h"

/* The action of the filter, in the order of confine_filter_names. */
enum confine_filter {
	CONFINE_ON,	/* other calls fail with EPERM */
	CONFINE_KILL,	/* other calls kill the process */
	CONFINE_OFF,
	CONFINE_PRESET,	/* CONFINE_ON if built with libseccomp */
};

extern const char *const confine_filter_names[];

/*
 * Changes to that user with its primary group only, permanently. -ENOENT: no
 * such user; -EPERM: not permitted.
 */
int confine_user(const char *name, struct vsu_error *err);

/* System calls that one daemon requires in addition to the common ones. */
struct confine_needs {
	const struct call_table *calls;	/* or NULL */
	bool postcopy;			/* permit a userfaultfd */
};

/*
 * Sets no_new_privs and permits only the system calls of serving. Rings of
 * io_uring must exist already: no daemon creates or changes one afterwards,
 * because the filter does not see their operations. -EOPNOTSUPP: not built with
 * libseccomp, or not supported by the host.
 */
int confine_calls(enum confine_filter how, const struct confine_needs *needs,
		  struct vsu_error *err);

#endif

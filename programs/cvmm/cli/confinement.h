/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The confinement of a process that runs guests, from its options: --sandbox leaves the rights
 * that they require, --jail also hides everything else, and --user changes the user when the
 * machine is made.
 *
 *	CONFINE_SEPARATE   before other processes are started; only a jail has steps
 *	...                daemons, which are outside, and have their own
 *	vmm_confinement_close()
 *	...                the machine is made
 *	CONFINE_SETTLE     before it runs: threads that run later have narrower filters
 */
#ifndef VMM_CLI_CONFINEMENT_H
#define VMM_CLI_CONFINEMENT_H

#include "cli/thread_calls.h"
#include "config/options.h"
#include "confine/confine.h"

struct vmm_confinement {
	struct confine_plan plan;
	struct vmm_socket_calls sockets; /* in plan */
};

/*
 * The plan, except for its files. -EINVAL: the options contradict each other; -EOPNOTSUPP: an
 * option has no use in a jail. Errors of confine_user_find().
 */
int vmm_confinement_make(struct vmm_confinement *c, const struct vmm_options *options,
			 struct vsu_error *err);

/*
 * The files, then all phases up to the filter. -ENOENT: a folder of the option; -EOPNOTSUPP: a
 * device needs what the jail hides, or memory a capability that is dropped.
 */
int vmm_confinement_close(struct vmm_confinement *c, const struct vmm_options *options,
			  struct vsu_error *err);

/* Adds the files that the options name, and those that a running machine reads. */
int vmm_confinement_files(struct confine_plan *plan, const struct vmm_options *options,
			  struct vsu_error *err);

/* Why the machine has no network; NULL without a jail. */
const char *vmm_confinement_without_network(const struct vmm_options *options);

#endif

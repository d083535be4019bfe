/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The confinement of a process that runs guests, from its options: --sandbox leaves the rights
 * that they require, --jail also hides everything else, and --user changes the user when the
 * machine is made.
 *
 *	CONFINE_SEPARATE   before other processes are started; only a jail has steps
 *	...                daemons, which are outside, and have their own
 *	vmm_confinement_receive(), before a source is read (--incoming)
 *	vmm_confinement_close()
 *	...                the machine is made
 *	CONFINE_SETTLE     before it runs: threads that run later have narrower filters
 */
#ifndef VMM_COMMON_CONFINEMENT_H
#define VMM_COMMON_CONFINEMENT_H

#include "common/thread_calls.h"
#include "common/program_options.h"
#include "confine/confine.h"

struct vmm_confinement {
	struct confine_plan plan;
	struct vmm_socket_calls sockets; /* in plan */
	bool separated;		/* CONFINE_SEPARATE was executed */
};

/*
 * Before a byte of the source of a migration is read: drops the rights that no machine needs,
 * and loads a filter. options are those of the process, which the source does not choose;
 * modules that a machine may need are loaded before, because the filter denies it.
 */
int vmm_confinement_receive(struct vmm_confinement *c, const struct vmm_program_options *options,
			    bool tls, struct vsu_error *err);

/*
 * The plan, except for its files; of a separated process, again for all options. machine has no
 * references before a source is read, whose command is started if runs_command. -EINVAL: the
 * options contradict each other; -EOPNOTSUPP: an option has no use in a jail. Errors of
 * confine_user_find().
 */
int vmm_confinement_make(struct vmm_confinement *c, const struct cvmm_configuration *machine,
			 const struct vmm_program_options *options, bool runs_command,
			 struct vsu_error *err);

/* CONFINE_SEPARATE, unless it was executed. */
int vmm_confinement_separate(struct vmm_confinement *c, struct vsu_error *err);

/*
 * The files, then all phases up to the filter. -ENOENT: a folder of the option; -EOPNOTSUPP: a
 * device needs what the jail hides, or memory a capability that is dropped.
 */
int vmm_confinement_close(struct vmm_confinement *c, const struct cvmm_configuration *machine,
			  const struct vmm_program_options *options, struct vsu_error *err);

/* Adds the files that the options name, and those that a running machine reads. */
int vmm_confinement_files(struct confine_plan *plan, const struct cvmm_configuration *machine,
			  const struct vmm_program_options *options, struct vsu_error *err);

/* Why the machine has no network; NULL without a jail. */
const char *vmm_confinement_without_network(const struct vmm_program_options *options);

#endif

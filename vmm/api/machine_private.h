/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of an owner: of machine.c and the files beside it. */
#ifndef VMM_API_MACHINE_PRIVATE_H
#define VMM_API_MACHINE_PRIVATE_H

#include "api/arrival.h"
#include "api/configured.h"
#include "cvmm/machine.h"
#include "machine/machine.h"

struct cvmm_machine {
	struct vmm_machine *machine;
	struct cvmm_configuration configuration; /* its own, unless the owner has lent one */
	/* ARRIVES: by a thread, which alone uses machine; ENDS: in the callbacks of its end */
	enum { MADE, RUNS, ENDS, ENDED, ARRIVES } state;
	bool inside;		/* cvmm_machine_dispatch() */
	bool arrives;		/* it came, or comes, from a source */
	bool made;		/* atomic: machine is complete, and this thread's */
	bool killed;		/* atomic */
	bool stopped;		/* by its owner's request */
	struct cvmm_arrival arrival;
	int (*make)(struct cvmm_machine *m, const struct cvmm_options *options,
		    const struct vmm_peer_guard *guard, struct vsu_error *err);
	int status;		/* of one that has ended */
	struct vsu_error why;
};

/*
 * Makes a machine of a configuration that was read otherwise, which outlives it. Errors are those of
 * cvmm_machine_new(). After a failure *out can be freed only, by the caller, who may limit the
 * time that an unresponsive file takes for it; it is unchanged if there is no machine.
 */
int cvmm_priv_machine_new(const struct vmm_config *config, const struct vmm_start *start,
			  const struct cvmm_host *host, struct cvmm_machine **out,
			  struct vsu_error *err);

/* -EINVAL: a struct or member that is NULL. */
int cvmm_priv_check_own(const struct cvmm_own_device *own, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of an owner: of machine.c and the files beside it. */
#ifndef VMM_API_MACHINE_PRIVATE_H
#define VMM_API_MACHINE_PRIVATE_H

#include "api/configuration.h"
#include "cvmm/machine.h"
#include "machine/machine.h"

struct cvmm_machine {
	struct vmm_machine machine;
	struct vmm_configuration configuration;
	struct vmm_options options, saved;
	struct cvmm_host host;
	struct prog_threads threads;
	enum { MADE, RUNS, ENDS, ENDED } state;	/* ENDS: in the callbacks of its end */
	bool inside;		/* cvmm_machine_dispatch() */
	int status;		/* of one that has ended */
	struct vsu_error why;
};

/*
 * Copies a struct that begins with its size; members that the caller's header does not have
 * are zero. -EINVAL: no size.
 */
int cvmm_priv_copy(void *to, size_t size, const void *from, const char *name,
		   struct vsu_error *err);

#endif

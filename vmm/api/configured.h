/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The content of struct cvmm_configuration: what was read for the options, and their typed values.
 */
#ifndef VMM_API_CONFIGURED_H
#define VMM_API_CONFIGURED_H

#include "api/configuration.h"
#include "cvmm/configuration.h"
#include "owner/owner.h"

struct cvmm_configuration {
	struct cvmm_reader reader;
	int refused;		/* the exit status of the reader's function receive; 0: none */
	struct vmm_log log;	/* to which read refers */
	struct vmm_configuration read;
	struct vmm_options options, saved;
};

/* Reads into c, which is all zero: 0, or an exit status. Finish it in both cases. */
int cvmm_priv_configuration_read(struct cvmm_configuration *c, const struct cvmm_options *options,
				 const struct vmm_log *log, const struct vmm_peer_guard *guard,
				 struct vsu_error *err);
void cvmm_priv_configuration_fini(struct cvmm_configuration *c);

#endif

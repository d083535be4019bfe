/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors of the owner that the list of a device names by their indexes.
 *
 * Threads: no state.
 */
#ifndef VMM_API_GIVEN_FDS_H
#define VMM_API_GIVEN_FDS_H

#include "config/device_option.h"

#define CVMM_MAX_GIVEN_FDS 16u

struct cvmm_given_fds {
	const int *fds;		/* borrowed */
	unsigned int n;
	unsigned int used;	/* a bit for each; 0 at first */
};

/*
 * For vmm_device_option_parse(), with at most the maximum. It fails with -EINVAL: one is not named;
 * -EBADF: an index has no descriptor.
 */
struct vmm_device_fds cvmm_priv_given_fds(struct cvmm_given_fds *given);

#endif

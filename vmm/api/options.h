/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The content of struct cvmm_options: a parsed command line of "cvmm run". */
#ifndef VMM_API_OPTIONS_H
#define VMM_API_OPTIONS_H

#include <stdbool.h>

#include "config/arguments.h"
#include "config/own_rows.h"
#include "cvmm/options.h"

struct cvmm_options {
	struct vmm_arguments arguments;	/* their values are copies */
	struct vmm_own_rows *own;	/* of the owner; or NULL */
	bool has_kernel;
};

/* Option number i. -ENOENT: there are fewer. */
int cvmm_priv_option_get(const struct vmm_arguments *all, unsigned int i, struct cvmm_option *out,
			 struct vsu_error *err);

#endif

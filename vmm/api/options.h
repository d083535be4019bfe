/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The words of struct cvmm_options, as those of a command line of "cvmm run". */
#ifndef VMM_API_OPTIONS_H
#define VMM_API_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cvmm/options.h"

struct cvmm_options {
	char **words;		/* a NULL ends them; NULL: none */
	size_t n;
	bool has_kernel;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of "cvmm run". */
#ifndef VMM_CLI_PARSE_H
#define VMM_CLI_PARSE_H

#include "options/options.h"

/*
 * argv[0] is "run". -ENOENT: an unknown option; -EINVAL: a value refused, or
 * no kernel named.
 */
int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err);

#endif

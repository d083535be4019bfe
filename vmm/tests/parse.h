/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of a machine from words, of which the first one is a command. */
#ifndef VMM_TESTS_PARSE_H
#define VMM_TESTS_PARSE_H

#include <string.h>

#include "config/options.h"
#include "config/own_rows.h"

static inline int parse_options(struct vmm_options *o, int argc, char *const *argv, struct vsu_error *err)
{
	struct vmm_arguments arguments;
	int rc = vmm_own_rows_parse(NULL, argc, argv, &arguments, err);

	memset(o, 0, sizeof(*o));
	if (!rc)
		rc = vmm_options_read(o, &arguments, err);
	vmm_arguments_free(&arguments);
	return rc;
}

#endif

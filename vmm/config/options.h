/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options of a machine, parsed and checked before anything is opened. Strings are
 * copies, and live as long as the options.
 */
#ifndef VMM_CONFIG_OPTIONS_H
#define VMM_CONFIG_OPTIONS_H

#include <vmm-sys-util/error.h>

#include "config/machine_config.h"

/*
 * Reads a parsed command line, which is copied. -ENOENT: an unknown key; -EINVAL: a value
 * refused, or no kernel named. On success the caller frees the options.
 */
int vmm_options_read(struct vmm_options *options, const struct vmm_arguments *arguments,
		     struct vsu_error *err);

/*
 * Whether the value of one option would be accepted beside any others: its keys, numbers and
 * words, before anything is opened. Errors as above.
 */
int vmm_options_check_value(const struct vmm_argument *argument, struct vsu_error *err);

void vmm_options_free(struct vmm_options *options);

#endif

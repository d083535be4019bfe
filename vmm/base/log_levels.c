/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of log levels. */
#include <config.h>

#include <stddef.h>

#include "base/log_levels.h"

const char *const vmm_level_names[] = {
	"error", "warning", "info", "debug", NULL,
};

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of log levels, for tables of options. */
#include <config.h>

#include <stddef.h>

#include "log.h"

const char *const prog_level_names[] = {
	"error", "warning", "info", "debug", NULL,
};

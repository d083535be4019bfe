/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of log levels. */
#include <config.h>

#include <vmm-sys-util/log_level.h>

const char *vsu_log_level_name(unsigned int level)
{
	static const char *const names[] = { VSU_LOG_LEVEL_NAMES };

	return level < sizeof(names) / sizeof(names[0]) ? names[level] : NULL;
}

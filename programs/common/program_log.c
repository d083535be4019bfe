/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines of machines as lines of the program's log. */
#include <config.h>

#include "common/program_log.h"
#include "log.h"

void prog_log_machine(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	static const enum vsu_log_level levels[] = {
		[CVMM_LOG_ERROR] = VSU_LOG_ERROR, [CVMM_LOG_WARNING] = VSU_LOG_WARNING,
		[CVMM_LOG_INFO] = VSU_LOG_INFO,
	};

	(void)opaque;
	prog_log(levels[level], cause, "%s", text);
}

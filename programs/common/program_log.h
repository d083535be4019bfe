/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The log of this program (log.h of programs/), for machines. */
#ifndef VMM_COMMON_PROGRAM_LOG_H
#define VMM_COMMON_PROGRAM_LOG_H

#include <cvmm/machine.h>

/* The member log of struct cvmm_host. */
void prog_log_machine(void *opaque, enum cvmm_log_level level, const char *cause, const char *text);

#endif

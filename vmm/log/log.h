/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events of a machine that concern the operator and fail no call. Its owner decides what
 * becomes of them.
 *
 *	vmm_log(log, CVMM_LOG_WARNING, "refused", "ring %u: %s", ring, err->msg);
 *
 * Threads: any; the owner's function must permit this.
 */
#ifndef VMM_LOG_H
#define VMM_LOG_H

#include <vmm-sys-util/attributes.h>

#include "cvmm/machine.h"

struct vmm_log {
	/* cause: the kind of event, whose lines may be limited in number; NULL: no limit. */
	void (*line)(void *opaque, enum cvmm_log_level level, const char *cause,
		     const char *text);
	void *opaque;
};

/* Without a log (NULL) or a function, lines are dropped. */
void vmm_log(const struct vmm_log *log, enum cvmm_log_level level, const char *cause,
	     const char *fmt, ...) VSU_PRINTF(4, 5);

#endif

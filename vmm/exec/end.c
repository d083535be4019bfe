/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The status of each kind of end. */
#include <config.h>

#include "exec/end.h"

int vmm_end_status(const struct vmm_end *e)
{
	switch (e->kind) {
	case CVMM_EXEC_END_STATUS:
		return e->value;
	case CVMM_EXEC_END_SIGNAL:
	case CVMM_EXEC_END_MEMORY:
		return CVMM_EXEC_SIGNALLED + e->value;
	case CVMM_EXEC_END_TIME:
		return CVMM_EXEC_TIMEOUT;
	case CVMM_EXEC_END_NOT_FOUND:
		return CVMM_EXEC_NOT_FOUND;
	case CVMM_EXEC_END_NOT_EXECUTED:
		return CVMM_EXEC_NOT_EXECUTED;
	case CVMM_EXEC_END_KILLED:
	case CVMM_EXEC_END_STREAM:
	case CVMM_EXEC_END_MACHINE:
		break;
	}
	return CVMM_EXEC_FAILED;
}

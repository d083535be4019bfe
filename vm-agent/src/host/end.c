/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The status of each kind of end. */
#include <config.h>

#include "vm-agent/end.h"


int vagent_end_status(const struct vagent_end *e)
{
	switch (e->kind) {
	case VAGENT_END_STATUS:
		return e->value;
	case VAGENT_END_SIGNAL:
	case VAGENT_END_MEMORY:
		return VAGENT_STATUS_SIGNALLED + e->value;
	case VAGENT_END_TIME:
		return VAGENT_STATUS_TIMEOUT;
	case VAGENT_END_NOT_FOUND:
		return VAGENT_STATUS_NOT_FOUND;
	case VAGENT_END_NOT_EXECUTED:
		return VAGENT_STATUS_NOT_EXECUTED;
	case VAGENT_END_KILLED:
	case VAGENT_END_STREAM:
	case VAGENT_END_MACHINE:
		break;
	}
	return VAGENT_STATUS_FAILED;
}

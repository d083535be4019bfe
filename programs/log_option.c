/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of the log, in a program's table of places. */
#include <config.h>

#include "log.h"

bool prog_log_take(const struct prog_place *place, const struct vsu_option_value *value)
{
	if (place->kind == PROG_PLACE_OF_LEVEL)
		prog_log_set_level((enum prog_log_level)value->number);
	else if (place->kind == PROG_PLACE_OF_VERBOSE)
		prog_log_set_level(PROG_LOG_INFO);
	else
		return false;
	return true;
}

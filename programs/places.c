/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Stores values of options in the members of a struct. */
#include <config.h>

#include <string.h>

#include "log.h"
#include "places.h"

static void store_int(void *at, uint64_t number)
{
	const unsigned int n = (unsigned int)number;

	memcpy(at, &n, sizeof(n));
}

bool prog_place_store(const struct prog_place *place, void *options,
		      const struct vsu_option_value *value)
{
	char *at = (char *)options + place->at;

	switch (place->kind) {
	case PROG_PLACE_NONE:
		return false;
	case PROG_PLACE_TEXT:
		memcpy(at, &value->text, sizeof(value->text));
		break;
	case PROG_PLACE_BOOL:
		*(bool *)at = value->number;
		break;
	case PROG_PLACE_INT:
		store_int(at, value->number);
		break;
	case PROG_PLACE_U64:
		memcpy(at, &value->number, sizeof(value->number));
		break;
	case PROG_PLACE_OF_LEVEL:
		prog_log_set_level((enum prog_log_level)value->number);
		break;
	case PROG_PLACE_OF_VERBOSE:
		prog_log_set_level(PROG_LOG_INFO);
		break;
	}
	return true;
}

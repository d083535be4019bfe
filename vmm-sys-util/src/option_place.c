/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Stores values of options in the members of a struct, and reads them. */
#include <config.h>

#include <string.h>

#include <vmm-sys-util/option_place.h>

static void store_int(void *at, uint64_t number)
{
	const unsigned int n = (unsigned int)number;

	memcpy(at, &n, sizeof(n));
}

bool vsu_place_store(const struct vsu_place *place, void *options,
		     const struct vsu_option_value *value)
{
	char *at = (char *)options + place->at;

	switch (place->kind) {
	case VSU_PLACE_NONE:
	case VSU_PLACE_OF_LEVEL:
	case VSU_PLACE_OF_VERBOSE:
		return false;
	case VSU_PLACE_TEXT:
		memcpy(at, &value->text, sizeof(value->text));
		break;
	case VSU_PLACE_BOOL:
		*(bool *)at = value->number;
		break;
	case VSU_PLACE_INT:
		store_int(at, value->number);
		break;
	case VSU_PLACE_U64:
		memcpy(at, &value->number, sizeof(value->number));
		break;
	}
	return true;
}

bool vsu_place_load(const struct vsu_place *place, const void *options,
		    struct vsu_option_value *value)
{
	const char *at = (const char *)options + place->at;
	unsigned int n = 0;

	*value = (struct vsu_option_value){ .text = NULL };
	switch (place->kind) {
	case VSU_PLACE_NONE:
	case VSU_PLACE_OF_LEVEL:
	case VSU_PLACE_OF_VERBOSE:
		break;
	case VSU_PLACE_TEXT:
		memcpy(&value->text, at, sizeof(value->text));
		break;
	case VSU_PLACE_BOOL:
		value->number = *(const bool *)at;
		break;
	case VSU_PLACE_INT:
		memcpy(&n, at, sizeof(n));
		value->number = n;
		break;
	case VSU_PLACE_U64:
		memcpy(&value->number, at, sizeof(value->number));
		break;
	}
	return value->text || value->number;
}

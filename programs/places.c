/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds places for clients. */
#include <config.h>

#include "places.h"

int prog_place_find(const struct prog_place *places, unsigned int n)
{
	unsigned int i;
	int first = -1;

	for (i = 0; i < n; i++) {
		if (places[i].use == PROG_PLACE_FREE)
			return (int)i;
		if (places[i].use == PROG_PLACE_IDLE && (first < 0 || places[i].arrival < places[first].arrival))
			first = (int)i;
	}
	return first;
}

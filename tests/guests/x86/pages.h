/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random conversions of an area of memory that belongs to one CPU, with a record of what
 * each page must contain.
 */
#ifndef GUEST_PAGES_H
#define GUEST_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "convert.h"

struct area {
	uint64_t from, end;
	uint32_t *pages;	/* the half and the seed of each page */
	uint64_t dice;
	uint32_t seed;		/* the last one */
	uint64_t refused, busy;	/* conversions: too many ranges, a device did not answer */
};

/* Random numbers; of one area at a time. */
uint64_t dice_next(struct area *a);
uint64_t dice_below(struct area *a, uint64_t limit);

/* All pages are shared and contain anything. */
void area_init(struct area *a, uint64_t from, uint64_t end, uint64_t seed);

uint64_t area_any_page(struct area *a);
bool area_is_private(const struct area *a, uint64_t gpa);
/* Checks the contents of a page; a difference is a fault. */
void area_check(struct area *a, uint64_t gpa);
/* New contents. */
void area_fill(struct area *a, uint64_t gpa);

/* Converts a random range to a random half, and checks contents. */
void area_step(struct area *a);
/* Makes all of it private, fills and checks it, and gives it back. */
void area_press(struct area *a);
/* Checks all pages, and makes them shared. */
void area_end(struct area *a);

#endif

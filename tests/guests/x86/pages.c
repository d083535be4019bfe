/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pages that change their half read as zeros; all others keep their contents, as do those
 * of a conversion that was refused.
 */
#include "lib.h"
#include "pages.h"

#define PRIVATE 0x80000000u	/* else shared; the rest is the seed, 0: zeros */
#define CHECKED 64u		/* pages of a range */
#define FILLED 8u
#define LONGEST (8 * LARGE)
#define KVM_E2BIG 7
#define KVM_EBUSY 16

uint64_t dice_next(struct area *a)
{
	a->dice ^= a->dice << 13;
	a->dice ^= a->dice >> 7;
	a->dice ^= a->dice << 17;
	return a->dice;
}

uint64_t dice_below(struct area *a, uint64_t limit)
{
	return dice_next(a) % limit;
}

static uint32_t *record(const struct area *a, uint64_t gpa)
{
	return &a->pages[(gpa - a->from) / PAGE];
}

bool area_is_private(const struct area *a, uint64_t gpa)
{
	return *record(a, gpa) & PRIVATE;
}

void area_check(struct area *a, uint64_t gpa)
{
	const uint32_t r = *record(a, gpa), seed = r & ~PRIVATE;
	const uint32_t before = fault_count();

	if (seed)
		expect_filled(gpa, PAGE, seed, r & PRIVATE ? "a private page with other contents" :
							   "a shared page with other contents");
	else
		expect_zeros(gpa, PAGE, r & PRIVATE ? "a page that became private with contents" :
						      "a page that became shared with contents");
	if (fault_count() == before)
		return;
	print("page 0x%lx: seed %u, word 0x%lx\n", gpa, seed, mmio_read64(gpa));
	area_fill(a, gpa);
}

void area_fill(struct area *a, uint64_t gpa)
{
	uint32_t *r = record(a, gpa);

	a->seed = (a->seed + 1) & ~PRIVATE;
	a->seed += !a->seed;
	fill(gpa, PAGE, a->seed);
	*r = (*r & PRIVATE) | a->seed;
}

void area_init(struct area *a, uint64_t from, uint64_t end, uint64_t seed)
{
	uint64_t gpa;

	a->from = from;
	a->end = end;
	a->dice = seed * 0x9e3779b97f4a7c15 | 1;
	a->pages = take_pages((end - from) / PAGE * sizeof(a->pages[0]));
	for (gpa = from; gpa < end; gpa += PAGE) {
		*record(a, gpa) = 0;
		area_fill(a, gpa);
	}
}

uint64_t area_any_page(struct area *a)
{
	return a->from + dice_below(a, (a->end - a->from) / PAGE) * PAGE;
}

/* Single pages, some pages, 2 MiB, and several of them. */
static uint64_t any_length(struct area *a)
{
	switch (dice_below(a, 8)) {
	case 0:
		return LARGE * (1 + dice_below(a, LONGEST / LARGE));
	case 1:
	case 2:
		return LARGE;
	case 3:
	case 4:
		return PAGE * (1 + dice_below(a, 64));
	default:
		return PAGE;
	}
}

static void any_range(struct area *a, uint64_t *gpa, uint64_t *len)
{
	*len = any_length(a);
	*gpa = area_any_page(a);
	if (*len >= LARGE && dice_below(a, 2))
		*gpa &= ~(LARGE - 1);
	if (*gpa < a->from)
		*gpa = a->from;
	if (*len > a->end - *gpa)
		*len = a->end - *gpa;
}

/* Pages of the range; all of a short one, some of a long one. */
static void each_page(struct area *a, uint64_t gpa, uint64_t len, uint32_t max,
		      void (*act)(struct area *a, uint64_t gpa))
{
	const uint64_t n = len / PAGE;
	uint64_t i;

	for (i = 0; i < max && i < n; i++)
		act(a, gpa + (n <= max ? i : dice_below(a, n)) * PAGE);
}

static void note_conversion(struct area *a, uint64_t gpa, uint64_t len, uint32_t half)
{
	uint64_t at;

	for (at = gpa; at < gpa + len; at += PAGE)
		if ((*record(a, at) & PRIVATE) != half)
			*record(a, at) = half;
}

static bool area_convert(struct area *a, uint64_t gpa, uint64_t len, bool to_private)
{
	const int64_t rc = convert(gpa, len, to_private);

	if (rc == -KVM_E2BIG)
		a->refused++;
	else if (rc == -KVM_EBUSY)
		a->busy++;
	else if (rc)
		fault("a conversion that is refused for another reason");
	else
		note_conversion(a, gpa, len, to_private ? PRIVATE : 0);
	return !rc;
}

static void give_back(struct area *a)
{
	if (!area_convert(a, a->from, a->end - a->from, false))
		fault("memory that cannot be given back");
}

void area_step(struct area *a)
{
	uint64_t gpa, len;
	bool done;

	any_range(a, &gpa, &len);
	each_page(a, gpa, len, FILLED, area_fill);
	done = area_convert(a, gpa, len, dice_below(a, 2));
	each_page(a, gpa, len, CHECKED, area_check);
	area_check(a, area_any_page(a));
	each_page(a, gpa, len, FILLED, area_fill);
	if (!done && !dice_below(a, 4))
		give_back(a);
}

static void on_all(struct area *a, void (*act)(struct area *a, uint64_t gpa))
{
	uint64_t gpa;

	for (gpa = a->from; gpa < a->end; gpa += PAGE)
		act(a, gpa);
}

void area_press(struct area *a)
{
	if (!area_convert(a, a->from, a->end - a->from, true))
		return;
	on_all(a, area_fill);
	on_all(a, area_check);
	give_back(a);
}

void area_end(struct area *a)
{
	on_all(a, area_check);
	give_back(a);
	on_all(a, area_check);
}

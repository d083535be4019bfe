/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the table of address ranges. */
#include <config.h>

#include <vm-arch/bus.h>

#include "../util.h"

struct seen {
	unsigned int count;
	struct varch_access last;
};

static void handler(void *opaque, struct varch_access *access)
{
	struct seen *seen = opaque;

	seen->count++;
	seen->last = *access;
	if (!access->write)
		access->value = 0x1234;
}

static struct varch_bus bus;
static struct vsu_error err;
static struct seen a, b;

static int add(uint64_t first, uint64_t len, const char *name, void *opaque)
{
	const struct varch_range r = { first, len, name, handler, opaque };

	return varch_bus_add(&bus, &r, &err);
}

static uint64_t read_at(uint64_t address, uint32_t len)
{
	struct varch_access access = { .len = len };

	varch_bus_access(&bus, address, &access);
	return access.value;
}

START_TEST(access_reaches_its_range_at_its_offset)
{
	ck_assert_int_eq(add(0x2000, 0x1000, "b", &b), 0);
	ck_assert_int_eq(add(0x1000, 0x1000, "a", &a), 0);
	ck_assert_uint_eq(read_at(0x2010, 4), 0x1234);
	ck_assert_uint_eq(b.count, 1);
	ck_assert_uint_eq(b.last.offset, 0x10);
	ck_assert_uint_eq(b.last.len, 4);
	ck_assert_uint_eq(a.count, 0);
	read_at(0x1fff, 1);
	ck_assert_uint_eq(a.last.offset, 0xfff);
}
END_TEST

START_TEST(hole_reads_all_ones_and_drops_stores)
{
	struct varch_access store = { .len = 4, .write = true, .value = 7 };

	ck_assert_int_eq(add(0x1000, 0x1000, "a", &a), 0);
	ck_assert_uint_eq(read_at(0, 4), UINT64_MAX);
	ck_assert_uint_eq(read_at(0xfff, 1), UINT64_MAX);
	ck_assert_uint_eq(read_at(0x2000, 8), UINT64_MAX);
	varch_bus_access(&bus, 0x2000, &store);
	ck_assert_uint_eq(a.count, 0);
}
END_TEST

START_TEST(access_across_the_end_of_a_range_is_a_hole)
{
	ck_assert_int_eq(add(0x1000, 0x1000, "a", &a), 0);
	ck_assert_uint_eq(read_at(0x1ffe, 4), UINT64_MAX);
	ck_assert_uint_eq(read_at(UINT64_MAX, 8), UINT64_MAX);
	ck_assert_uint_eq(a.count, 0);
}
END_TEST

START_TEST(empty_bus_is_a_hole)
{
	ck_assert_uint_eq(read_at(0x1000, 4), UINT64_MAX);
}
END_TEST

START_TEST(overlap_is_refused)
{
	ck_assert_int_eq(add(0x1000, 0x1000, "a", &a), 0);
	assert_refused(add(0x1fff, 1, "b", &b), -EEXIST,
		       "b at 0x1fff overlaps a at 0x1000", err);
	ck_assert_int_eq(add(0, 0x1001, "b", &b), -EEXIST);
	ck_assert_int_eq(add(0, 0x1000, "b", &b), 0);
	ck_assert_int_eq(add(0x2000, 1, "c", &b), 0);
}
END_TEST

START_TEST(full_table_is_refused)
{
	unsigned int i;

	for (i = 0; i < VARCH_BUS_MAX; i++)
		ck_assert_int_eq(add(i * 0x1000, 0x1000, "x", &a), 0);
	assert_refused(add(i * 0x1000, 1, "x", &a), -ENOSPC,
		       "more than 64 devices in one machine", err);
}
END_TEST

START_TEST(every_range_is_found_whatever_the_order)
{
	unsigned int i;

	for (i = 0; i < VARCH_BUS_MAX; i++)
		ck_assert_int_eq(add(i * 37 % VARCH_BUS_MAX * 0x10, 8, "x", &a),
				 0);
	for (i = 0; i < VARCH_BUS_MAX; i++) {
		ck_assert_uint_eq(read_at(i * 0x10 + 7, 1), 0x1234);
		ck_assert_uint_eq(read_at(i * 0x10 + 8, 1), UINT64_MAX);
	}
	ck_assert_uint_eq(a.count, VARCH_BUS_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bus");
	TCase *tc = tcase_create("bus");

	tcase_add_test(tc, access_reaches_its_range_at_its_offset);
	tcase_add_test(tc, hole_reads_all_ones_and_drops_stores);
	tcase_add_test(tc, access_across_the_end_of_a_range_is_a_hole);
	tcase_add_test(tc, empty_bus_is_a_hole);
	tcase_add_test(tc, overlap_is_refused);
	tcase_add_test(tc, full_table_is_refused);
	tcase_add_test(tc, every_range_is_found_whatever_the_order);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

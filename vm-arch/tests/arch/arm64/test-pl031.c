/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the PL031, by the registers of its manual, with a clock of the test. */
#include <config.h>

#include "../../util.h"
#include "arch/arm64/pl031.h"

enum { DATA = 0, MATCH = 4, LOAD = 8, CONTROL = 12, ENABLED = 16, RAISED = 20, PENDING = 24, CLEAR = 28 };

static struct varch_pl031 chip;
static uint64_t host, alarm_at;
static unsigned int edges;

static uint64_t now(void *opaque)
{
	ck_assert_ptr_eq(opaque, &edges);
	return host;
}

static void on_interrupt(void *opaque)
{
	ck_assert_ptr_eq(opaque, &edges);
	edges++;
}

static void on_set(void *opaque, uint64_t at)
{
	ck_assert_ptr_eq(opaque, &edges);
	alarm_at = at;
}

static void setup(void)
{
	chip = (struct varch_pl031){
		.now = now, .interrupt = on_interrupt, .set_alarm = on_set, .opaque = &edges,
	};
	host = 1000000;
	alarm_at = 0;
	edges = 0;
}

static void put(uint64_t offset, uint32_t value)
{
	struct varch_access access = { .offset = offset, .value = value, .len = 4, .write = true };

	varch_pl031_access(&chip, &access);
}

static uint32_t get(uint64_t offset)
{
	struct varch_access access = { .offset = offset, .len = 4, .value = UINT64_MAX };

	varch_pl031_access(&chip, &access);
	ck_assert_uint_le(access.value, UINT32_MAX);
	return (uint32_t)access.value;
}

START_TEST(clock_is_that_of_the_host)
{
	ck_assert_uint_eq(get(DATA), 1000000);
	host += 5;
	ck_assert_uint_eq(get(DATA), 1000005);
	ck_assert_uint_eq(get(CONTROL), 1);
}
END_TEST

START_TEST(clock_counts_on_from_a_time_that_the_driver_sets)
{
	put(LOAD, 77);
	host += 3;
	ck_assert_uint_eq(get(DATA), 80);
	ck_assert_uint_eq(get(LOAD), 77);
	put(CONTROL, 0);
	host++;
	ck_assert_uint_eq(get(DATA), 81);
}
END_TEST

/* Linux's bus finds the driver by these registers of a byte. */
START_TEST(identity_is_that_of_a_pl031)
{
	const uint32_t identity[] = { 0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	unsigned int i;

	for (i = 0; i < COUNT(identity); i++)
		ck_assert_uint_eq(get(0xfe0 + 4 * i), identity[i]);
}
END_TEST

START_TEST(alarm_interrupts_at_its_second)
{
	put(ENABLED, 1);
	put(MATCH, 1000010);
	ck_assert_uint_eq(alarm_at, 1000010);
	ck_assert_uint_eq(get(RAISED), 0);
	varch_pl031_alarm(&chip);
	ck_assert_uint_eq(edges, 1);
	ck_assert_uint_eq(get(PENDING), 1);
	put(CLEAR, 1);
	ck_assert_uint_eq(get(RAISED), 0);
	ck_assert_uint_eq(get(PENDING), 0);
}
END_TEST

START_TEST(alarm_follows_a_time_that_the_driver_sets)
{
	put(LOAD, 50);
	put(MATCH, 60);
	ck_assert_uint_eq(alarm_at, host + 10);
	put(LOAD, 58);
	ck_assert_uint_eq(alarm_at, host + 2);
}
END_TEST

START_TEST(alarm_of_a_second_that_has_passed_waits_for_the_counter_to_wrap)
{
	put(MATCH, 999999);
	ck_assert_uint_eq(alarm_at, 999999 + (UINT64_C(1) << 32));
	host = UINT64_C(0x1ffffffff);
	put(MATCH, 1);
	ck_assert_uint_eq(alarm_at, UINT64_C(0x200000001));
}
END_TEST

START_TEST(masked_alarm_interrupts_when_it_is_enabled)
{
	put(MATCH, 1000000);
	varch_pl031_alarm(&chip);
	ck_assert_uint_eq(edges, 0);
	ck_assert_uint_eq(get(RAISED), 1);
	ck_assert_uint_eq(get(PENDING), 0);
	put(ENABLED, 1);
	ck_assert_uint_eq(edges, 1);
	put(ENABLED, 1);
	ck_assert_uint_eq(edges, 1);
}
END_TEST

START_TEST(registers_of_no_meaning_read_as_zero)
{
	uint64_t offset;

	for (offset = 0x20; offset < 0xfe0; offset += 4) {
		put(offset, UINT32_MAX);
		ck_assert_uint_eq(get(offset), 0);
	}
	put(DATA, 5);
	ck_assert_uint_eq(get(DATA), host);
	ck_assert_uint_eq(edges, 0);
}
END_TEST

/* ----------------------------------------------------------------------------- state */

static struct vsu_state_writer w;
static struct vsu_state state;

static void check_state(void)
{
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	ck_assert_int_eq(vsu_state_check(&state, NULL, NULL), 0);
}

/* Another clock, after so many seconds, with the state of this one. */
static void move(unsigned int seconds)
{
	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, NULL);
	varch_pl031_save(&chip, &w);
	check_state();
	setup();
	host += seconds;
	ck_assert_int_eq(varch_pl031_load(&chip, &state, NULL), 0);
	free(w.out.bytes);
}

START_TEST(saved_clock_counts_on_and_its_alarm_comes)
{
	put(LOAD, 100);
	put(MATCH, 130);
	put(ENABLED, 1);
	move(1000);
	ck_assert_uint_eq(alarm_at, 1000030);
	ck_assert_uint_eq(get(DATA), 1100);
	ck_assert_uint_eq(get(LOAD), 100);
	ck_assert_uint_eq(get(MATCH), 130);
	ck_assert_uint_eq(get(ENABLED), 1);
	ck_assert_uint_eq(get(PENDING), 0);
}
END_TEST

START_TEST(alarm_that_has_come_is_saved_and_does_not_come_again)
{
	put(ENABLED, 1);
	put(MATCH, 1000000);
	varch_pl031_alarm(&chip);
	move(0);
	ck_assert_uint_eq(alarm_at, 0);
	ck_assert_uint_eq(get(PENDING), 1);
	put(CLEAR, 1);
	ck_assert_uint_eq(get(PENDING), 0);
}
END_TEST

START_TEST(state_without_the_clock_leaves_it_as_it_is)
{
	memset(&w, 0, sizeof(w));
	vsu_state_begin(&w, NULL);
	check_state();
	ck_assert_int_eq(varch_pl031_load(&chip, &state, NULL), 0);
	ck_assert_uint_eq(alarm_at, 0);
	free(w.out.bytes);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pl031");
	TCase *tc = tcase_create("pl031");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, clock_is_that_of_the_host);
	tcase_add_test(tc, clock_counts_on_from_a_time_that_the_driver_sets);
	tcase_add_test(tc, identity_is_that_of_a_pl031);
	tcase_add_test(tc, alarm_interrupts_at_its_second);
	tcase_add_test(tc, alarm_follows_a_time_that_the_driver_sets);
	tcase_add_test(tc, alarm_of_a_second_that_has_passed_waits_for_the_counter_to_wrap);
	tcase_add_test(tc, masked_alarm_interrupts_when_it_is_enabled);
	tcase_add_test(tc, registers_of_no_meaning_read_as_zero);
	tcase_add_test(tc, saved_clock_counts_on_and_its_alarm_comes);
	tcase_add_test(tc, alarm_that_has_come_is_saved_and_does_not_come_again);
	tcase_add_test(tc, state_without_the_clock_leaves_it_as_it_is);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

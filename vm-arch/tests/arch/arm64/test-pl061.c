/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the PL061, by the registers of its manual, and its button. */
#include <config.h>

#include "../../util.h"
#include "arch/arm64/pl061.h"

enum { DIRECTION = 0x400, LEVEL = 0x404, BOTH = 0x408, RISING = 0x40c, ENABLED = 0x410,
       RAISED = 0x414, PENDING = 0x418, CLEAR = 0x41c, ALTERNATE = 0x420 };
#define PIN (1u << VARCH_PL061_BUTTON)
#define PINS(mask) ((uint64_t)(mask) << 2)

static struct varch_pl061 chip;
static unsigned int edges;

static void on_interrupt(void *opaque)
{
	ck_assert_ptr_eq(opaque, &edges);
	edges++;
}

static void setup(void)
{
	chip = (struct varch_pl061){ .interrupt = on_interrupt, .opaque = &edges };
	edges = 0;
}

static void put(uint64_t offset, uint32_t value)
{
	struct varch_access access = { .offset = offset, .value = value, .len = 4, .write = true };

	varch_pl061_access(&chip, &access);
}

static uint32_t get(uint64_t offset)
{
	struct varch_access access = { .offset = offset, .len = 4, .value = UINT64_MAX };

	varch_pl061_access(&chip, &access);
	ck_assert_uint_le(access.value, UINT8_MAX);
	return (uint32_t)access.value;
}

/* As gpio-keys of Linux. */
static void use_both_edges(void)
{
	put(BOTH, PIN);
	put(CLEAR, PIN);
	put(ENABLED, PIN);
}

START_TEST(press_lasts_until_the_driver_has_read_the_pin)
{
	use_both_edges();
	varch_pl061_press(&chip);
	ck_assert_uint_eq(edges, 1);
	ck_assert_uint_eq(get(PENDING), PIN);
	put(CLEAR, PIN);
	ck_assert_uint_eq(get(PENDING), 0);
	ck_assert_uint_eq(get(PINS(0xff & ~PIN)), 0);
	ck_assert_uint_eq(get(PINS(PIN)), PIN);
	ck_assert_uint_eq(edges, 2);
	ck_assert_uint_eq(get(PENDING), PIN);
	put(CLEAR, PIN);
	ck_assert_uint_eq(get(PINS(PIN)), 0);
	ck_assert_uint_eq(edges, 2);
}
END_TEST

START_TEST(each_press_that_was_read_is_followed_by_another)
{
	unsigned int i;

	use_both_edges();
	for (i = 0; i < 3; i++) {
		varch_pl061_press(&chip);
		ck_assert_uint_eq(edges, 2 * i + 1);
		put(CLEAR, PIN);
		ck_assert_uint_eq(get(PINS(0xff)), PIN);
		put(CLEAR, PIN);
		ck_assert_uint_eq(edges, 2 * i + 2);
	}
}
END_TEST

START_TEST(press_before_the_driver_begins_is_not_lost)
{
	varch_pl061_press(&chip);
	ck_assert_uint_eq(edges, 0);
	use_both_edges();
	ck_assert_uint_eq(get(PINS(PIN)), PIN);
}
END_TEST

static const struct edge {
	uint32_t rising;
	unsigned int pressed, read;
} edge_rows[] = {
	{ PIN, 1, 1 },
	{ 0, 0, 1 },
};

START_TEST(one_edge_interrupts_if_the_driver_chooses_it)
{
	const struct edge *row = &edge_rows[_i];

	put(RISING, row->rising);
	put(ENABLED, PIN);
	varch_pl061_press(&chip);
	ck_assert_uint_eq(edges, row->pressed);
	put(CLEAR, PIN);
	ck_assert_uint_eq(get(PINS(PIN)), PIN);
	ck_assert_uint_eq(edges, row->read);
}
END_TEST

START_TEST(level_interrupts_while_it_lasts)
{
	put(LEVEL, PIN);
	put(RISING, PIN);
	put(ENABLED, PIN);
	ck_assert_uint_eq(get(PENDING), 0);
	varch_pl061_press(&chip);
	ck_assert_uint_eq(edges, 1);
	put(CLEAR, PIN);
	ck_assert_uint_eq(get(PENDING), PIN);
	ck_assert_uint_eq(edges, 2);
	ck_assert_uint_eq(get(PINS(PIN)), PIN);
	ck_assert_uint_eq(get(PENDING), 0);
}
END_TEST

START_TEST(masked_causes_interrupt_when_they_are_enabled)
{
	put(BOTH, PIN);
	varch_pl061_press(&chip);
	ck_assert_uint_eq(get(RAISED), PIN);
	ck_assert_uint_eq(get(PENDING), 0);
	ck_assert_uint_eq(edges, 0);
	put(ENABLED, PIN);
	ck_assert_uint_eq(edges, 1);
}
END_TEST

START_TEST(outputs_are_what_the_driver_stored_in_chosen_pins)
{
	put(DIRECTION, 0xf0);
	put(PINS(0x50), 0xff);
	ck_assert_uint_eq(get(PINS(0xff)), 0x50);
	put(PINS(0x10), 0);
	ck_assert_uint_eq(get(PINS(0xff)), 0x40);
	varch_pl061_press(&chip);
	put(DIRECTION, 0xff);
	ck_assert_uint_eq(get(PINS(PIN)), 0);
	put(DIRECTION, 0);
	ck_assert_uint_eq(get(PINS(0xff)), PIN);
}
END_TEST

START_TEST(identity_is_that_of_a_pl061)
{
	const uint32_t identity[] = { 0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };
	unsigned int i;

	for (i = 0; i < COUNT(identity); i++)
		ck_assert_uint_eq(get(0xfe0 + 4 * i), identity[i]);
	put(0x424, UINT32_MAX);
	ck_assert_uint_eq(get(0x424), 0);
}
END_TEST

START_TEST(state_has_each_register_and_the_press)
{
	static const uint64_t registers[] = { DIRECTION, LEVEL, BOTH, RISING, ENABLED, ALTERNATE };
	struct vsu_state_writer w = { 0 };
	struct vsu_state state;
	unsigned int i;

	put(BOTH, PIN);
	varch_pl061_press(&chip);
	for (i = 0; i < COUNT(registers); i++)
		put(registers[i], 0x81 + i);
	put(PINS(0xff), 0xa1);
	vsu_state_begin(&w, NULL);
	varch_pl061_save(&chip, &w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	ck_assert_int_eq(vsu_state_check(&state, NULL, NULL), 0);
	setup();
	ck_assert_int_eq(varch_pl061_load(&chip, &state, NULL), 0);
	free(w.out.bytes);
	for (i = 0; i < COUNT(registers); i++)
		ck_assert_uint_eq(get(registers[i]), 0x81 + i);
	ck_assert_uint_eq(get(RAISED) & PIN, PIN);
	ck_assert_uint_eq(get(PINS(0xff)), 0x81 | PIN);
}
END_TEST

/* The interrupt controller may have been saved without it. */
START_TEST(saved_press_interrupts_again_and_so_does_a_repeated_one)
{
	struct vsu_state_writer w = { 0 };
	struct vsu_state state;

	use_both_edges();
	varch_pl061_press(&chip);
	vsu_state_begin(&w, NULL);
	varch_pl061_save(&chip, &w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	state = (struct vsu_state){ w.out.bytes, w.out.len };
	setup();
	ck_assert_int_eq(varch_pl061_load(&chip, &state, NULL), 0);
	free(w.out.bytes);
	ck_assert_uint_eq(edges, 1);
	varch_pl061_press(&chip);
	ck_assert_uint_eq(edges, 2);
	put(CLEAR, PIN);
	varch_pl061_press(&chip);
	ck_assert_uint_eq(edges, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pl061");
	TCase *tc = tcase_create("pl061");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, press_lasts_until_the_driver_has_read_the_pin);
	tcase_add_test(tc, each_press_that_was_read_is_followed_by_another);
	tcase_add_test(tc, press_before_the_driver_begins_is_not_lost);
	tcase_add_loop_test(tc, one_edge_interrupts_if_the_driver_chooses_it, 0, (int)COUNT(edge_rows));
	tcase_add_test(tc, level_interrupts_while_it_lasts);
	tcase_add_test(tc, masked_causes_interrupt_when_they_are_enabled);
	tcase_add_test(tc, outputs_are_what_the_driver_stored_in_chosen_pins);
	tcase_add_test(tc, identity_is_that_of_a_pl061);
	tcase_add_test(tc, state_has_each_register_and_the_press);
	tcase_add_test(tc, saved_press_interrupts_again_and_so_does_a_repeated_one);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

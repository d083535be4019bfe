/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the places of clients. */
#include <config.h>

#include <check.h>

#include "../../tests/support/suite.h"

#include "places.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

START_TEST(free_place_is_first)
{
	const struct prog_place places[] = { { PROG_PLACE_IDLE, 0 }, { PROG_PLACE_BUSY, 1 }, { PROG_PLACE_FREE, 9 } };

	ck_assert_int_eq(prog_place_find(places, COUNT(places)), 2);
}
END_TEST

START_TEST(oldest_idle_client_loses_its_place)
{
	const struct prog_place places[] = { { PROG_PLACE_IDLE, 7 }, { PROG_PLACE_BUSY, 1 }, { PROG_PLACE_IDLE, 5 }, { PROG_PLACE_IDLE, 6 } };

	ck_assert_int_eq(prog_place_find(places, COUNT(places)), 2);
}
END_TEST

START_TEST(busy_clients_keep_their_places)
{
	const struct prog_place places[] = { { PROG_PLACE_BUSY, 0 }, { PROG_PLACE_BUSY, 1 } };

	ck_assert_int_eq(prog_place_find(places, COUNT(places)), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("places");
	TCase *t = tcase_create("places");

	tcase_add_test(t, free_place_is_first);
	tcase_add_test(t, oldest_idle_client_loses_its_place);
	tcase_add_test(t, busy_clients_keep_their_places);
	suite_add_tcase(s, t);
	return run_suite(s);
}

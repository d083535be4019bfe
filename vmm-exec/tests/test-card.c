/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the address and the MTU of a clone's network card. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "util.h"
#include "card.h"

static struct vsu_error err;

static const struct {
	const char *properties, *mac;
	uint32_t mtu;
} given[] = {
	{ "fd=5,mac=52:54:00:12:34:56,mtu=65520", "52:54:00:12:34:56", 65520 },
	{ "mtu=1400,mac=02:00:00:00:00:01,tap=tap0", "02:00:00:00:00:01", 1400 },
	{ "tap=mac=,,mtu=9,mac=02:00:00:00:00:02", "02:00:00:00:00:02", 0 },
	{ "tap0,mtu=x,mac=02:00:00:00:00:03", "02:00:00:00:00:03", 0 },
	{ "tap0,mtu=12345678901,mac=02:00:00:00:00:04", "02:00:00:00:00:04", 0 },
};

START_TEST(properties_of_a_card_are_those_of_the_guest)
{
	struct cvmm_priv_card card;

	ck_assert_int_eq(cvmm_priv_card_read(&card, given[_i].properties, &err), 0);
	ck_assert_str_eq(card.mac, given[_i].mac);
	ck_assert_uint_eq(card.mtu, given[_i].mtu);
	ck_assert(!card.made_up);
}
END_TEST

START_TEST(cards_without_an_address_have_random_ones)
{
	struct cvmm_priv_card a, b;
	unsigned int first;

	ck_assert_int_eq(cvmm_priv_card_read(&a, "tap=tap0", &err), 0);
	ck_assert_int_eq(cvmm_priv_card_read(&b, "tap=tap0", &err), 0);
	ck_assert_str_ne(a.mac, b.mac);
	ck_assert_uint_eq(strlen(a.mac), 17);
	ck_assert_int_eq(sscanf(a.mac, "%2x:", &first), 1);
	ck_assert_uint_eq(first & 3, 2);	/* locally administered, of one station */
	ck_assert(a.made_up && b.made_up);
}
END_TEST

START_TEST(address_that_would_be_another_field_is_refused)
{
	static const char *const bad[] = { "tap0,mac=a 1", "tap0,mac=52:54:00:12:34:56:78" };
	struct cvmm_priv_card card;

	ck_assert_int_eq(cvmm_priv_card_read(&card, bad[_i], &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not six bytes such as 52:54:00:12:34:56"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("card");
	TCase *t = tcase_create("card");

	tcase_add_loop_test(t, properties_of_a_card_are_those_of_the_guest, 0, sizeof(given) / sizeof(given[0]));
	tcase_add_test(t, cards_without_an_address_have_random_ones);
	tcase_add_loop_test(t, address_that_would_be_another_field_is_refused, 0, 2);
	suite_add_tcase(s, t);
	return run_suite(s);
}

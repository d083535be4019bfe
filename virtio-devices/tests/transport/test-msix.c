/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about MSI-X vectors, their masks and pending bits. */
#include <config.h>

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "../suite.h"
#include "transport/msix.h"

#define VECTORS 70u
#define CONTROL 12u

static struct msix msix;
static _Atomic unsigned int messages[VECTORS];
static unsigned int routes;
static _Atomic unsigned int installs;
static _Atomic unsigned int sent_early;	/* messages sent before the routes were installed */
static uint64_t last_address;
static uint32_t last_data;

static void on_message(void *opaque, uint32_t vector)
{
	(void)opaque;
	messages[vector]++;
	sent_early += !installs;
}

static void on_route(void *opaque, uint32_t vector, uint64_t address,
		     uint32_t data)
{
	(void)opaque;
	(void)vector;
	routes++;
	last_address = address;
	last_data = data;
}

static void on_route_done(void *opaque)
{
	(void)opaque;
	installs++;
}

static void setup(void)
{
	const struct msix_ops ops = { on_message, on_route, on_route_done };
	uint32_t i;

	routes = 0;
	installs = 0;
	sent_early = 0;
	for (i = 0; i < VECTORS; i++)
		messages[i] = 0;
	ck_assert_int_eq(virtdev_msix_init(&msix, VECTORS, &ops, NULL), 0);
}

static void teardown(void)
{
	virtdev_msix_exit(&msix);
}

static void word_set(uint32_t vector, uint32_t word, uint32_t value)
{
	virtdev_msix_table_write(&msix, vector * MSIX_ENTRY + word, 4, value);
}

static uint64_t is_pending(uint32_t vector)
{
	return virtdev_msix_pending_read(&msix, vector / 64 * 8, 8) >> vector % 64 & 1;
}

START_TEST(unmasked_vector_sends_and_masked_one_is_pending)
{
	virtdev_msix_set_open(&msix, true);
	virtdev_msix_interrupt(&msix, 69);
	virtdev_msix_interrupt(&msix, 69);
	ck_assert_uint_eq(messages[69], 0);
	ck_assert_uint_eq(is_pending(69), 1);
	word_set(69, CONTROL, 0);
	ck_assert_uint_eq(messages[69], 1);
	ck_assert_uint_eq(is_pending(69), 0);
	virtdev_msix_interrupt(&msix, 69);
	ck_assert_uint_eq(messages[69], 2);
}
END_TEST

START_TEST(function_mask_delays_all_vectors)
{
	word_set(3, CONTROL, 0);
	virtdev_msix_interrupt(&msix, 3);
	virtdev_msix_interrupt(&msix, 4);
	virtdev_msix_set_open(&msix, true);
	ck_assert_uint_eq(messages[3], 1);
	ck_assert_uint_eq(messages[4], 0);
	ck_assert_uint_eq(is_pending(4), 1);
	virtdev_msix_set_open(&msix, false);
	virtdev_msix_interrupt(&msix, 3);
	ck_assert_uint_eq(messages[3], 1);
	ck_assert_uint_eq(is_pending(3), 1);
}
END_TEST

START_TEST(route_is_reported_once_before_its_message)
{
	virtdev_msix_set_open(&msix, true);
	word_set(0, 0, 0xfee01003);
	word_set(0, 4, 7);
	word_set(0, 8, 0x4041);
	ck_assert_uint_eq(routes, 0);
	word_set(0, CONTROL, 0);
	ck_assert_uint_eq(routes, 1);
	ck_assert_uint_eq(last_address, UINT64_C(0x7fee01000));
	ck_assert_uint_eq(last_data, 0x4041);
	word_set(0, CONTROL, 1);
	word_set(0, CONTROL, 0);
	ck_assert_uint_eq(routes, 1);
	virtdev_msix_table_write(&msix, 8, 8, 0x4042);
	ck_assert_uint_eq(routes, 2);
	ck_assert_uint_eq(last_data, 0x4042);
}
END_TEST

START_TEST(a3_26_one_store_installs_all_routes_before_any_message)
{
	uint32_t i;

	for (i = 0; i < VECTORS; i++) {
		word_set(i, 0, 0xfee00000 + (i << 12));
		word_set(i, CONTROL, 0);
		virtdev_msix_interrupt(&msix, i);
	}
	ck_assert_uint_eq(routes, 0);
	virtdev_msix_set_open(&msix, true);
	ck_assert_uint_eq(routes, VECTORS);
	ck_assert_uint_eq(installs, 1);
	ck_assert_uint_eq(messages[0] + messages[VECTORS - 1], 2);
	ck_assert_uint_eq(sent_early, 0);
	virtdev_msix_set_open(&msix, false);
	virtdev_msix_set_open(&msix, true);
	ck_assert_uint_eq(installs, 1);
}
END_TEST

START_TEST(table_reads_stored_values_in_both_widths)
{
	virtdev_msix_table_write(&msix, 16, 8, UINT64_C(0x1234567887654321));
	ck_assert_uint_eq(virtdev_msix_table_read(&msix, 16, 8),
			  UINT64_C(0x1234567887654320));
	ck_assert_uint_eq(virtdev_msix_table_read(&msix, 20, 4), 0x12345678);
	ck_assert_uint_eq(virtdev_msix_table_read(&msix, 24, 8), UINT64_C(1) << 32);
}
END_TEST

/*
 * The table is at the addresses that the driver uses, so every access reaches
 * it.
 */
START_TEST(a3_10_accesses_outside_the_table_are_ignored)
{
	word_set(VECTORS, CONTROL, 0);
	virtdev_msix_table_write(&msix, 2, 4, 0);
	virtdev_msix_table_write(&msix, CONTROL, 2, 0);
	virtdev_msix_table_write(&msix, UINT32_MAX - 3, 4, 0);
	ck_assert_uint_eq(virtdev_msix_table_read(&msix, VECTORS * MSIX_ENTRY, 4), 0);
	ck_assert_uint_eq(virtdev_msix_table_read(&msix, CONTROL, 4), 1);
	ck_assert_uint_eq(virtdev_msix_table_read(&msix, 1, 1), 0);
	ck_assert_uint_eq(virtdev_msix_pending_read(&msix, 16, 8), 0);
	ck_assert_uint_eq(virtdev_msix_pending_read(&msix, 1, 4), 0);
	virtdev_msix_interrupt(&msix, VECTORS);
	virtdev_msix_interrupt(&msix, 0xffff);
}
END_TEST

#define ROUNDS 20000u

static void *interrupt_often(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++)
		virtdev_msix_interrupt(&msix, 5);
	return NULL;
}

/* Otherwise a driver would wait for the last interrupt without end. */
START_TEST(interrupt_between_mask_and_unmask_is_not_lost)
{
	unsigned int i, before;
	pthread_t thread;

	virtdev_msix_set_open(&msix, true);
	word_set(5, CONTROL, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, interrupt_often, NULL),
			 0);
	for (i = 0; i < ROUNDS; i++)
		word_set(5, CONTROL, ~i & 1);
	word_set(5, CONTROL, 1);
	pthread_join(thread, NULL);
	before = messages[5];
	ck_assert_uint_le(before, ROUNDS);
	i = (unsigned int)is_pending(5);
	word_set(5, CONTROL, 0);
	ck_assert_uint_eq(messages[5], before + i);
	ck_assert_uint_gt(messages[5], 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("msix");
	TCase *tc = tcase_create("msix");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		unmasked_vector_sends_and_masked_one_is_pending);
	tcase_add_test(tc, function_mask_delays_all_vectors);
	tcase_add_test(tc, route_is_reported_once_before_its_message);
	tcase_add_test(tc, a3_26_one_store_installs_all_routes_before_any_message);
	tcase_add_test(tc, table_reads_stored_values_in_both_widths);
	tcase_add_test(tc, a3_10_accesses_outside_the_table_are_ignored);
	tcase_add_test(tc, interrupt_between_mask_and_unmask_is_not_lost);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

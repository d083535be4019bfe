/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about examples/echo-device, made by a driver of it. */
#include <config.h>

#include <check.h>
#include <stdlib.h>

#include <virtio-queue/features.h>

#include "echo_client.h"
#include "example.h"
#include "suite.h"

static void expect_echo(uint64_t features)
{
	struct echo_client client;

	echo_client_init(&client, example_connect(), 1, features);
	ck_assert(echo_client_wait(&client, &client.ready));
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 0, 1000));
	ck_assert(echo_client_stop(&client));
	echo_client_fini(&client);
}

START_TEST(the_device_answers_one_driver_after_another)
{
	expect_echo(VQ_F_VERSION_1);
	expect_echo(VQ_F_VERSION_1 | VQ_F_RING_PACKED);
}
END_TEST

START_TEST(the_same_device_answers_behind_registers)
{
	example_expect_here("there and back");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("echo-example");
	TCase *tc = tcase_create("echo-example");

	if (!example_find_at("echo-device", getenv("ECHO_DEVICE")))
		return 0;
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, example_launch, example_end);
	tcase_add_test(tc, the_device_answers_one_driver_after_another);
	tcase_add_test(tc, the_same_device_answers_behind_registers);

	return run_suite(s);
}

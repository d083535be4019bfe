/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about notifications in band, with the library at both ends: the ring
 * has no descriptors.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "pair_rig.h"
#include "suite.h"

#define INBAND VHOST_USER_PROTOCOL_BIT(INBAND_NOTIFICATIONS)
#define CALLS 10000u

static struct pair pair;
static unsigned int calls, failures;

static void on_called(void *opaque, uint32_t ring)
{
	(void)opaque;
	ck_assert_uint_eq(ring, 0);
	calls++;
}

static void on_ring_failed(void *opaque, uint32_t ring)
{
	(void)opaque;
	ck_assert_uint_eq(ring, 0);
	failures++;
}

static void setup(void)
{
	calls = failures = 0;
	pair_init(&pair);
	pair.back_config.protocol_features = UINT64_MAX;
	pair.device_ops.called = on_called;
	pair.device_ops.ring_failed = on_ring_failed;
}

static void teardown(void)
{
	pair_fini(&pair);
}

static void run_without_descriptors(void)
{
	vsu_fd_close(&pair.kick);
	vsu_fd_close(&pair.call);
	vsu_fd_close(&pair.err);
	pair_run(&pair);
	ck_assert_uint_ne(vhost_user_frontend_protocol_features(pair.f) &
			  INBAND, 0);
}

static void kick(void)
{
	ck_assert_int_eq(vhost_user_frontend_kick(pair.f, 0, NULL), 0);
	pair_settle(&pair);
}

/* Whether the ring's thread would wake up now. */
static bool is_kicked(void)
{
	struct pollfd p = {
		.fd = vhost_user_backend_kick_fd(pair.b, 0), .events = POLLIN,
	};

	ck_assert_int_ge(p.fd, 0);
	return poll(&p, 1, 0) == 1;
}

START_TEST(kick_by_message_wakes_who_waits_for_a_descriptor)
{
	unsigned int i;

	run_without_descriptors();
	ck_assert(!is_kicked());
	for (i = 0; i < 1000; i++)
		kick();
	ck_assert(is_kicked());
	ck_assert_int_eq(vsu_event_drain(vhost_user_backend_kick_fd(pair.b, 0),
					 NULL), 0);
	ck_assert(!is_kicked());
	ck_assert_uint_eq(pair.runs, 1);
	kick();
	ck_assert(is_kicked());
}
END_TEST

/* Its descriptor may be one that cannot be signalled. */
START_TEST(kick_by_message_of_a_ring_with_a_descriptor_makes_it_looked_at)
{
	pair_run(&pair);
	ck_assert_uint_eq(pair.runs, 1);
	kick();
	ck_assert_uint_eq(pair.runs, 2);
}
END_TEST

START_TEST(call_and_error_without_descriptors_are_messages)
{
	run_without_descriptors();
	vhost_user_backend_call(pair.b, 0);
	pair_settle(&pair);
	ck_assert_uint_eq(calls, 1);
	vhost_user_backend_ring_error(pair.b, 0);
	vhost_user_backend_ring_error(pair.b, 0);
	pair_settle(&pair);
	ck_assert_uint_eq(failures, 1);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(pair.front_refused + pair.back_refused, 0);
}
END_TEST

START_TEST(call_with_a_descriptor_is_no_message)
{
	pair_run(&pair);
	vsu_event_drain(pair.call, NULL);
	vhost_user_backend_call(pair.b, 0);
	pair_settle(&pair);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(vsu_event_drain(pair.call, NULL), 0);
}
END_TEST

static void *call_often(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; i < CALLS; i++)
		vhost_user_backend_call(pair.b, 0);
	return NULL;
}

/* Of many at once one message comes behind the last of them. */
START_TEST(calls_of_another_thread_are_neither_lost_nor_piled_up)
{
	pthread_t thread;
	unsigned int before;

	run_without_descriptors();
	ck_assert_int_eq(pthread_create(&thread, NULL, call_often, NULL), 0);
	while (calls == 0)
		pair_settle(&pair);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_le(calls, CALLS);
	before = calls;
	call_often(NULL);
	pair_settle(&pair);
	ck_assert_uint_eq(calls, before + 1);
}
END_TEST

/* A question that is answered inside its callback drains the same event. */
START_TEST(call_during_a_change_of_the_ring_is_not_lost)
{
	run_without_descriptors();
	vhost_user_backend_call(pair.b, 0);
	ck_assert_int_eq(vhost_user_frontend_set_call(pair.f, 0, -1, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

START_TEST(ring_that_stops_is_neither_kicked_nor_calls)
{
	run_without_descriptors();
	vhost_user_backend_call(pair.b, 0);
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_kick(pair.f, 0, NULL), -EPROTO);
	pair_settle(&pair);
	ck_assert_uint_eq(pair.stops, 1);
	calls = 0;
	vhost_user_backend_call(pair.b, 0);
	pair_settle(&pair);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(vhost_user_frontend_start(pair.f,
						   UINT64_C(1) << 32, NULL), 0);
	pair_settle(&pair);
	kick();
	ck_assert(is_kicked());
}
END_TEST

START_TEST(kick_of_no_ring_is_not_sent)
{
	struct vsu_error err = VSU_ERROR_INIT;

	run_without_descriptors();
	ck_assert_int_eq(vhost_user_frontend_kick(pair.f, 1, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "ring 1"));
}
END_TEST

START_TEST(inband_is_agreed_on_by_name_and_with_its_operations)
{
	if (_i == 0)
		pair.back_config.protocol_features = 0;
	else if (_i == 1)
		pair.device_ops.called = NULL;
	else if (_i == 2)
		pair.back_config.protocol_features &=
			~VHOST_USER_PROTOCOL_BIT(BACKEND_REQ);
	else
		pair.front_config.protocol_features = INBAND;
	pair_run(&pair);
	ck_assert_uint_eq(vhost_user_frontend_protocol_features(pair.f) &
			  INBAND, 0);
	ck_assert_int_eq(vhost_user_frontend_kick(pair.f, 0, NULL),
			 -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost in-band notifications");
	TCase *tc = tcase_create("inband");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, kick_by_message_wakes_who_waits_for_a_descriptor);
	tcase_add_test(tc, kick_by_message_of_a_ring_with_a_descriptor_makes_it_looked_at);
	tcase_add_test(tc, call_and_error_without_descriptors_are_messages);
	tcase_add_test(tc, call_with_a_descriptor_is_no_message);
	tcase_add_test(tc, calls_of_another_thread_are_neither_lost_nor_piled_up);
	tcase_add_test(tc, call_during_a_change_of_the_ring_is_not_lost);
	tcase_add_test(tc, ring_that_stops_is_neither_kicked_nor_calls);
	tcase_add_test(tc, kick_of_no_ring_is_not_sent);
	tcase_add_loop_test(tc, inband_is_agreed_on_by_name_and_with_its_operations,
			    0, 4);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about in-band notifications, with the library at both ends: the ring
 * has no kick or call descriptor.
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

/* Whether a thread that waits for the ring's kick would wake up. */
static bool is_kicked(void)
{
	struct pollfd p = {
		.fd = vhost_user_backend_kick_fd(pair.b, 0), .events = POLLIN,
	};

	ck_assert_int_ge(p.fd, 0);
	return poll(&p, 1, 0) == 1;
}

START_TEST(kick_by_message_signals_the_owners_kick_descriptor)
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

/*
 * The kick descriptor may be of a kind that cannot be signalled, so the owner
 * is asked to serve the ring.
 */
START_TEST(kick_by_message_also_serves_a_ring_with_a_descriptor)
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

START_TEST(call_with_a_descriptor_sends_no_message)
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

/* Calls that wait are merged into one message, sent after the last of them. */
START_TEST(calls_of_another_thread_are_merged_and_not_lost)
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

/* Answering a quiesce inside its callback drains the same eventfd. */
START_TEST(call_during_a_quiesce_is_not_lost)
{
	run_without_descriptors();
	vhost_user_backend_call(pair.b, 0);
	ck_assert_int_eq(vhost_user_frontend_set_call(pair.f, 0, -1, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(calls, 1);
}
END_TEST

START_TEST(stopped_ring_gets_no_kicks_and_sends_no_calls)
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

START_TEST(kick_of_an_unknown_ring_is_not_sent)
{
	struct vsu_error err = VSU_ERROR_INIT;

	run_without_descriptors();
	ck_assert_int_eq(vhost_user_frontend_kick(pair.f, 1, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "ring 1"));
}
END_TEST

START_TEST(inband_requires_configuration_and_its_operations)
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
	tcase_add_test(tc, kick_by_message_signals_the_owners_kick_descriptor);
	tcase_add_test(tc, kick_by_message_also_serves_a_ring_with_a_descriptor);
	tcase_add_test(tc, call_and_error_without_descriptors_are_messages);
	tcase_add_test(tc, call_with_a_descriptor_sends_no_message);
	tcase_add_test(tc, calls_of_another_thread_are_merged_and_not_lost);
	tcase_add_test(tc, call_during_a_quiesce_is_not_lost);
	tcase_add_test(tc, stopped_ring_gets_no_kicks_and_sends_no_calls);
	tcase_add_test(tc, kick_of_an_unknown_ring_is_not_sent);
	tcase_add_loop_test(tc, inband_requires_configuration_and_its_operations,
			    0, 4);
	return run_suite(s);
}

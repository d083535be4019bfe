/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a back-end's calls and errors that are sent in band. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vhost/frontend_device.h>

#include "../front_rig.h"
#include "../suite.h"

static unsigned int calls, failures;
static uint32_t of_ring;

static void on_called(void *opaque, uint32_t ring)
{
	(void)opaque;
	calls++;
	of_ring = ring;
}

static void on_ring_failed(void *opaque, uint32_t ring)
{
	(void)opaque;
	failures++;
	of_ring = ring;
}

static const struct vhost_user_frontend_device_ops device = {
	.size = sizeof(device),
	.called = on_called,
	.ring_failed = on_ring_failed,
};

static void setup_inband(void)
{
	setup();
	calls = failures = 0;
	front_ops.device = &device;
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(INBAND_NOTIFICATIONS);
}

static void teardown_inband(void)
{
	front_ops.device = NULL;
	teardown();
}

static int64_t ask(uint32_t request, uint32_t ring)
{
	const struct vhost_user_vring_state state = { ring, 0 };

	peer_ask(&peer, request, VHOST_USER_HDR_NEED_REPLY, &state,
		 sizeof(state), -1);
	dispatch_both();
	return peer_answer(&peer);
}

START_TEST(call_and_error_reach_the_owner_and_are_acknowledged)
{
	run();
	ck_assert_int_eq(ask(VHOST_USER_BACKEND_VRING_CALL, NRINGS - 1), 0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(of_ring, NRINGS - 1);
	ck_assert_int_eq(ask(VHOST_USER_BACKEND_VRING_ERR, 0), 0);
	ck_assert_uint_eq(failures, 1);
	ck_assert_uint_eq(of_ring, 0);
}
END_TEST

START_TEST(c2_33_call_or_error_of_unknown_ring_is_refused)
{
	static const uint32_t rings[] = { NRINGS, 255, 256, UINT32_MAX };
	unsigned int i;

	run();
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(ask(_i ? VHOST_USER_BACKEND_VRING_CALL :
					  VHOST_USER_BACKEND_VRING_ERR,
				     rings[i]), 1);
		ck_assert_uint_eq(notified.refused, i + 1);
		ck_assert_ptr_nonnull(strstr(notified.refusal.msg, "no ring"));
	}
	ck_assert_uint_eq(calls + failures, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(ask(VHOST_USER_BACKEND_VRING_CALL, 0), 0);
}
END_TEST

START_TEST(call_without_its_feature_is_refused)
{
	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(INBAND_NOTIFICATIONS);
	run();
	ck_assert_int_eq(ask(VHOST_USER_BACKEND_VRING_CALL, 0), 1);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(vhost_user_frontend_kick(fe, 0, NULL), -EOPNOTSUPP);
}
END_TEST

START_TEST(kick_requests_an_acknowledgement_and_refusal_is_reported)
{
	run();
	ck_assert_int_eq(vhost_user_frontend_kick(fe, 1, NULL), 0);
	deviate(PEER_REFUSE, VHOST_USER_VRING_KICK);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_VRING_KICK), 1);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert_ptr_nonnull(strstr(notified.refusal.msg, "VRING_KICK of ring 1"));
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(unacknowledged_kicks_are_limited)
{
	unsigned int i;
	int rc = 0;

	run();
	for (i = 0; i < 1000 && rc == 0; i++)
		rc = vhost_user_frontend_kick(fe, 0, NULL);
	ck_assert_int_eq(rc, -EAGAIN);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_kick(fe, 0, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost front-end in band");
	TCase *tc = tcase_create("inband");

	tcase_add_checked_fixture(tc, setup_inband, teardown_inband);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, call_and_error_reach_the_owner_and_are_acknowledged);
	tcase_add_loop_test(tc, c2_33_call_or_error_of_unknown_ring_is_refused, 0,
			    2);
	tcase_add_test(tc, call_without_its_feature_is_refused);
	tcase_add_test(tc, kick_requests_an_acknowledgement_and_refusal_is_reported);
	tcase_add_test(tc, unacknowledged_kicks_are_limited);
	return run_suite(s);
}

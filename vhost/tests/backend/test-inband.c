/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about in-band notifications, from a front-end that sends raw bytes. */
#include <config.h>

#include <errno.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../channel_rig.h"

#define P(name) VHOST_USER_PROTOCOL_BIT(name)
#define CALL_LEN 20	/* bytes of a VRING_CALL including its header */
#define WINDOW 64u	/* unanswered requests */

static void start(struct channel_rig *f)
{
	channel_prepare(f);
	f->r.config.protocol_features = UINT64_MAX;
	rig_start(&f->r);
}

/* The number of calls that wait on the channel. */
static unsigned int count_calls(struct channel_rig *f)
{
	struct { struct vhost_user_header hdr; uint32_t ring, num; } m;
	unsigned int n = 0;

	while (recv(f->channel, &m, CALL_LEN, MSG_DONTWAIT) == CALL_LEN) {
		ck_assert_uint_eq(m.hdr.request, VHOST_USER_BACKEND_VRING_CALL);
		ck_assert_uint_eq(m.hdr.flags, RIG_NEED);
		ck_assert_uint_eq(m.hdr.size, 8);
		ck_assert_uint_eq(m.num, 0);
		n++;
	}
	return n;
}

START_TEST(in_band_kick_starts_a_ring_without_a_kick_descriptor)
{
	struct channel_rig f;

	start(&f);
	rig_up(&f.r);
	rig_stop_ring(&f.r, 0);
	ck_assert(!f.r.running[0]);
	ck_assert_uint_eq(rig_ack_state(&f.r, VHOST_USER_VRING_KICK, 0, 0), 0);
	ck_assert(f.r.running[0]);
	ck_assert_int_ge(vhost_user_backend_kick_fd(f.r.b, 0), 0);
	ck_assert_uint_eq(rig_drain(vhost_user_backend_kick_fd(f.r.b, 0)), 1);
	channel_fini(&f);
}
END_TEST

START_TEST(b1_16_in_band_notifications_without_required_features_end_the_session)
{
	const uint64_t bits = P(INBAND_NOTIFICATIONS) |
			      (_i ? P(REPLY_ACK) : P(BACKEND_REQ));
	struct channel_rig f;

	start(&f);
	rig_send(&f.r, VHOST_USER_SET_PROTOCOL_FEATURES, VHOST_USER_HDR_VERSION,
		 &bits, sizeof(bits), NULL, 0);
	rig_expect_gone(&f.r, -EPROTO);
	channel_fini(&f);
}
END_TEST

START_TEST(in_band_kick_of_unknown_ring_or_without_feature_is_refused)
{
	struct channel_rig f;

	channel_prepare(&f);
	f.r.config.protocol_features = _i ? UINT64_MAX : 0;
	rig_start(&f.r);
	rig_up(&f.r);
	ck_assert_uint_eq(rig_ack_state(&f.r, VHOST_USER_VRING_KICK,
					_i ? RIG_RINGS : 0, 0), 1);
	rig_expect_refused(&f.r, VHOST_USER_VRING_KICK,
			   _i ? VHOST_USER_ALL_RINGS : 0,
			   _i ? "ring 3" : "INBAND_NOTIFICATIONS");
	channel_fini(&f);
}
END_TEST

/* Without acknowledgements the back-end sends a window of calls, then none. */
START_TEST(unacknowledged_calls_are_limited)
{
	struct channel_rig f;
	unsigned int i, sent = 0;

	start(&f);
	rig_up(&f.r);
	channel_renew(&f);
	ck_assert_uint_eq(rig_ack_u64(&f.r, VHOST_USER_SET_VRING_CALL, 0x100),
			  0);
	for (i = 0; i < 2 * WINDOW; i++) {
		vhost_user_backend_call(f.r.b, 0);
		ck_assert_int_ge(rig_dispatch(&f.r), 0);
		sent += count_calls(&f);
	}
	ck_assert_uint_eq(sent, WINDOW);
	/* a freed place in the window is used at once, without another call */
	channel_reply(&f, VHOST_USER_BACKEND_VRING_CALL, 0);
	ck_assert_uint_eq(count_calls(&f), 1);
	channel_reply(&f, VHOST_USER_BACKEND_VRING_CALL, 0);
	ck_assert_uint_eq(count_calls(&f), 0);
	channel_fini(&f);
}
END_TEST

START_TEST(kick_that_cannot_be_created_changes_nothing)
{
	struct channel_rig f;
	int kick;

	start(&f);
	rig_up(&f.r);
	kick = vhost_user_backend_kick_fd(f.r.b, 0);
	rig_limit_descriptors(0);
	ck_assert_uint_eq(rig_ack_u64(&f.r, VHOST_USER_SET_VRING_KICK, 0x100), 1);
	rig_expect_refused(&f.r, VHOST_USER_SET_VRING_KICK, 0, "eventfd");
	ck_assert(f.r.running[0]);
	ck_assert_int_eq(vhost_user_backend_kick_fd(f.r.b, 0), kick);
	vsu_event_signal(f.r.kick[0]);
	ck_assert_uint_ge(rig_drain(kick), 1);
	rig_limit_descriptors(20);
	channel_fini(&f);
}
END_TEST

START_TEST(refused_call_is_reported)
{
	struct channel_rig f;

	start(&f);
	rig_up(&f.r);
	channel_renew(&f);
	ck_assert_uint_eq(rig_ack_u64(&f.r, VHOST_USER_SET_VRING_CALL, 0x100),
			  0);
	vhost_user_backend_call(f.r.b, 0);
	ck_assert_int_ge(rig_dispatch(&f.r), 0);
	ck_assert_uint_eq(count_calls(&f), 1);
	channel_reply(&f, VHOST_USER_BACKEND_VRING_CALL, 1);
	rig_expect_refused(&f.r, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			   "refused VRING_CALL");
	channel_fini(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost back-end in band");
	TCase *tc = rig_case(s, "inband");

	tcase_add_test(tc, in_band_kick_starts_a_ring_without_a_kick_descriptor);
	tcase_add_loop_test(tc, b1_16_in_band_notifications_without_required_features_end_the_session,
			    0, 2);
	tcase_add_loop_test(tc, in_band_kick_of_unknown_ring_or_without_feature_is_refused,
			    0, 2);
	tcase_add_test(tc, unacknowledged_calls_are_limited);
	if (!rig_under_valgrind())	/* valgrind manages RLIMIT_NOFILE itself */
		tcase_add_test(tc, kick_that_cannot_be_created_changes_nothing);
	tcase_add_test(tc, refused_call_is_reported);
	return run_suite(s);
}

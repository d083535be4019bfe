/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about replies of a back-end that are wrong or missing, and about its
 * requests on the back-end channel.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../front_rig.h"
#include "../suite.h"

/* ------------------------------------------------------------- bad answers */

START_TEST(c1_01_unrequested_reply_ends_the_session)
{
	uint64_t zero = 0;

	become_ready();
	peer_send(&peer, VHOST_USER_SET_OWNER,
		  VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY, &zero, 8, -1);
	dispatch_both();
	assert_dead(-EBADMSG, "unsolicited reply");
}
END_TEST

START_TEST(c1_01_second_reply_ends_the_session)
{
	deviate(PEER_TWICE, VHOST_USER_SET_OWNER);
	become_ready();
	assert_dead(-EBADMSG, "SET_OWNER");
}
END_TEST

static const struct {
	enum peer_deviation how;
	const char *words;
} bad_headers[] = {
	{ PEER_WRONG_NUMBER, "GET_MAX_MEM_SLOTS" },
	{ PEER_NO_REPLY_BIT, "reply" },
	{ PEER_EXTRA_FLAG, "flags" },
	{ PEER_WRONG_VERSION, "version" },
};

START_TEST(c1_02_reply_with_a_wrong_header_ends_the_session)
{
	deviate(bad_headers[_i].how, VHOST_USER_GET_MAX_MEM_SLOTS);
	become_ready();
	assert_dead(-EBADMSG, bad_headers[_i].words);
}
END_TEST

static const struct {
	enum peer_deviation how;
	uint32_t at;
} bad_sizes[] = {
	{ PEER_SHORT, VHOST_USER_GET_FEATURES },
	{ PEER_LONG, VHOST_USER_GET_FEATURES },
	{ PEER_SHORT, VHOST_USER_GET_QUEUE_NUM },
	{ PEER_LONG, VHOST_USER_SET_OWNER },
	{ PEER_SHORT, VHOST_USER_SET_OWNER },
	{ PEER_EMPTY, VHOST_USER_SET_OWNER },
};

START_TEST(c1_03_reply_of_another_size_ends_the_session)
{
	deviate(bad_sizes[_i].how, bad_sizes[_i].at);
	become_ready();
	assert_dead(-EBADMSG, "bytes");
}
END_TEST

START_TEST(c1_03_reply_larger_than_any_ends_the_session)
{
	deviate(PEER_HUGE, VHOST_USER_GET_FEATURES);
	become_ready();
	assert_dead(-EMSGSIZE, "65536");
}
END_TEST

START_TEST(c1_04_reply_with_an_fd_ends_the_session_and_closes_it)
{
	deviate(PEER_WITH_FD, VHOST_USER_GET_QUEUE_NUM);
	open_session();
	peer.extra = vsu_event_new();
	dispatch_both();
	assert_dead(-EBADMSG, "descriptors");
}
END_TEST

/* Waits for the session's own timer, not for a duration. */
static void wait_for_death(void)
{
	struct pollfd p = { .fd = vhost_user_frontend_fd(fe), .events = POLLIN };

	while (state() != VHOST_USER_FRONTEND_DEAD) {
		ck_assert_int_eq(poll(&p, 1, 20000), 1);
		vhost_user_frontend_dispatch(fe);
	}
}

START_TEST(c1_05_missing_reply_ends_the_session_at_its_deadline)
{
	config.timeout_ns = 1000000;
	deviate(PEER_SILENT, VHOST_USER_SET_OWNER);
	open_session();
	dispatch_both();
	wait_for_death();
	assert_dead(-ETIMEDOUT, "within 0.001 s");
}
END_TEST

START_TEST(c1_05_partial_reply_does_not_stop_the_deadline)
{
	config.timeout_ns = 1000000;
	deviate(PEER_HALF_HEADER, VHOST_USER_GET_FEATURES);
	open_session();
	dispatch_both();
	wait_for_death();
	ck_assert_int_eq(notified.err.code, -ETIMEDOUT);
}
END_TEST

static const uint32_t refusable[] = {
	VHOST_USER_SET_FEATURES, VHOST_USER_ADD_MEM_REG,
	VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
	VHOST_USER_SET_VRING_ADDR, VHOST_USER_SET_VRING_CALL,
	VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE,
};

START_TEST(c1_06_refusal_fails_the_start_and_names_the_request)
{
	static const char *const names[] = {
		"SET_FEATURES", "ADD_MEM_REG", "SET_VRING_NUM",
		"SET_VRING_BASE", "SET_VRING_ADDR", "SET_VRING_CALL",
		"SET_VRING_KICK", "SET_VRING_ENABLE",
	};

	deviate(PEER_REFUSE, refusable[_i]);
	run();
	assert_dead(-EPROTO, names[_i]);
	ck_assert_uint_eq(notified.started, 0);
}
END_TEST

START_TEST(c1_08_zero_queues_or_slots_are_refused)
{
	deviate(PEER_VALUE, _i ? VHOST_USER_GET_QUEUE_NUM :
			       VHOST_USER_GET_MAX_MEM_SLOTS);
	peer.value = 0;
	become_ready();
	assert_dead(-EBADMSG, _i ? "queues" : "slots");
}
END_TEST

START_TEST(c1_08_enormous_limits_are_capped)
{
	peer.queue_num = UINT64_MAX;
	peer.max_slots = UINT64_MAX - 1;
	become_ready();
	ck_assert_uint_eq(vhost_user_frontend_queue_num(fe), 256);
	ck_assert_uint_eq(vhost_user_frontend_max_mem_slots(fe), 512);
}
END_TEST

/*
 * _i counts messages from the first; there are fewer in a session than tried
 * here.
 */
START_TEST(c1_13_back_end_may_die_at_any_message)
{
	peer.deviation = PEER_HANG_UP;
	peer.deviation_count = (unsigned int)_i + 1;
	open_session();
	dispatch_both();
	if (state() == VHOST_USER_FRONTEND_READY) {
		begin_start();
		dispatch_both();
	}
	if (state() == VHOST_USER_FRONTEND_RUNNING) {
		ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
		dispatch_both();
	}
	if (peer.n >= peer.deviation_count)
		assert_dead(-ECONNRESET, "hung up");
	else
		ck_assert_uint_eq(notified.stopped, 1);
}
END_TEST

START_TEST(c1_13_retry_on_a_new_session_works)
{
	int pair[2];

	deviate(PEER_HANG_UP, VHOST_USER_SET_OWNER);
	become_ready();
	assert_dead(-ECONNRESET, "SET_OWNER");
	vhost_user_frontend_free(fe);
	fe = NULL;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer_fini(&peer);
	peer_init(&peer, pair[1]);
	peer.extra = pair[0];
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(hang_up_after_a_reply_is_reported_with_both_requests)
{
	deviate(PEER_ACCEPT_AND_LEAVE, VHOST_USER_SET_VRING_ADDR);
	run();
	assert_dead(-ECONNRESET, "SET_VRING_ADDR of ring 0");
}
END_TEST

START_TEST(c1_15_calls_on_a_dead_session_are_refused_at_once)
{
	deviate(PEER_HANG_UP, VHOST_USER_SET_OWNER);
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL),
			 -ECONNRESET);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 4, NULL),
			 -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), -EPROTO);
}
END_TEST

START_TEST(c1_15_calls_on_a_session_that_died_running_are_refused)
{
	run();
	peer_fini(&peer);
	dispatch_both();
	assert_dead(-ECONNRESET, "hung up");
	ck_assert_int_eq(vhost_user_frontend_set_call(fe, 0, call_fd, NULL),
			 -ECONNRESET);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), -EPROTO);
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
}
END_TEST

/* --------------------------------------------------------- back-end channel */

#define NEED VHOST_USER_HDR_NEED_REPLY

START_TEST(c2_31_config_changes_are_reported_once_per_dispatch)
{
	unsigned int i;

	run();
	for (i = 0; i < 10; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(notified.changed, 1);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), -1);
}
END_TEST

START_TEST(c2_01_unknown_request_is_refused_and_keeps_the_session)
{
	run();
	peer_ask(&peer, 99, NEED, NULL, 0, -1);
	peer_ask(&peer, 98, 0, NULL, 0, -1);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 -1);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

static const struct {
	struct vhost_user_header hdr;
	int code;
	const char *words;
} broken[] = {
	{ { 2, 0x5, 0 }, -EBADMSG, "is a reply" },
	{ { 2, 0x2, 0 }, -EBADMSG, "version 2" },
	{ { 2, 0x81, 0 }, -EBADMSG, "flags" },
	{ { 2, 0x1, 8192 }, -EMSGSIZE, "8192 bytes" },
	{ { 2, 0x1, UINT32_MAX }, -EMSGSIZE, "bytes of payload" },
};

START_TEST(c2_01_bad_header_on_the_channel_closes_only_the_channel)
{
	run();
	ck_assert_int_eq(write(peer.back, &broken[_i].hdr, 12), 12);
	dispatch_both();
	assert_channel_closed(broken[_i].code, broken[_i].words);
}
END_TEST

START_TEST(c2_01_too_many_fds_on_the_channel_close_only_the_channel)
{
	int fds[64], before, i;

	run();
	before = vsu_fd_count();
	for (i = 0; i < 64; i++)
		fds[i] = call_fd;
	peer_ask_fds(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		     fds, 64);
	dispatch_both();
	ck_assert_int_eq(vsu_fd_count(), before - 1);
	assert_channel_closed(-EMSGSIZE, "descriptors");
}
END_TEST

START_TEST(c2_01_unexpected_fds_are_closed_and_counted)
{
	int i, before;

	run();
	before = vsu_fd_count();
	for (i = 0; i < 15; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, call_fd);
	dispatch_both();
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(notified.changed, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 call_fd);
	dispatch_both();
	assert_channel_closed(-EPROTO, "descriptors");
}
END_TEST

/* More replies than one dispatch handles, in one piece. */
START_TEST(c1_20_all_replies_of_one_read_are_handled)
{
	unsigned int i;

	run();
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL),
				 0);
	while (peer_step(&peer))
		;
	for (i = 0; readable(vhost_user_frontend_fd(fe)); i++)
		vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(notified.config, 100);
	ck_assert_uint_lt(i, 10);
}
END_TEST

/* The owner's loop also serves others. */
START_TEST(c1_20_dispatch_handles_a_limited_number_of_replies)
{
	unsigned int before = 0, i;

	run();
	for (i = 0; i < 100; i++)
		ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL),
				 0);
	while (peer_step(&peer))
		;
	for (i = 0; notified.config < 100; i++) {
		ck_assert_int_ge(vhost_user_frontend_dispatch(fe), 0);
		ck_assert_uint_gt(notified.config, before);
		ck_assert_uint_le(notified.config - before, 64);
		before = notified.config;
	}
	ck_assert_uint_gt(i, 1);
}
END_TEST

/* Their requests are unknown once a reply was invalid. */
START_TEST(c1_02_replies_behind_an_invalid_one_are_not_delivered)
{
	const unsigned char bytes[12 + 8] = { [4] = 8 };
	unsigned int i;

	run();
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL),
				 0);
	peer_send(&peer, VHOST_USER_GET_STATUS,
		  VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY, bytes, 8, -1);
	for (i = 0; i < 2; i++)
		peer_send(&peer, VHOST_USER_GET_CONFIG,
			  VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY, bytes,
			  sizeof(bytes), -1);
	dispatch_both();
	assert_dead(-EBADMSG, "GET_STATUS");
	ck_assert_uint_eq(notified.config, 0);
}
END_TEST

START_TEST(c1_20_all_back_end_requests_of_one_read_are_handled)
{
	unsigned int i;

	run();
	for (i = 0; i < 100; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	while (readable(vhost_user_frontend_fd(fe)))
		vhost_user_frontend_dispatch(fe);
	for (i = 0; peer_answer(&peer) == 0; i++)
		;
	ck_assert_uint_eq(i, 100);
}
END_TEST

/* While the owner's request would be refused, the change is not reported. */
START_TEST(c2_31_config_change_is_reported_once_the_owner_can_read_it)
{
	unsigned int i;

	run();
	for (i = 0; !vhost_user_frontend_get_config(fe, 0, 8, NULL); i++)
		;
	ck_assert_uint_gt(i, 100);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 -1);
	while (readable(vhost_user_frontend_fd(fe)))
		vhost_user_frontend_dispatch(fe);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_uint_eq(notified.changed, 0);
	dispatch_both();
	ck_assert_uint_eq(notified.changed, 1);
	ck_assert_uint_eq(notified.config, i);
}
END_TEST

/* Each reply arrives in time, but not all of them together. */
START_TEST(c1_05_stop_has_one_deadline_for_all_its_replies)
{
	struct pollfd p = { .events = POLLIN };
	/* also limits the handshake, so not too short for a busy machine */
	const int ms = 500;

	config.timeout_ns = ms * UINT64_C(1000000);
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	p.fd = vhost_user_frontend_fd(fe);
	while (state() == VHOST_USER_FRONTEND_STOPPING) {
		if (poll(&p, 1, ms * 6 / 10) == 0)
			peer_step(&peer);
		else
			vhost_user_frontend_dispatch(fe);
	}
	assert_dead(-ETIMEDOUT, "stop its rings");
	ck_assert_uint_eq(notified.stopped, 0);
}
END_TEST

static void fail_on_change(void *opaque)
{
	const struct vsu_error why = { .code = -EPERM, .msg = "enough of it" };

	(void)opaque;
	vhost_user_frontend_fail(fe, &why);
}

START_TEST(owner_may_end_a_session_inside_or_outside_a_callback)
{
	run();
	if (_i) {
		on_config_changed = fail_on_change;
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	} else {
		fail_on_change(NULL);
		ck_assert_uint_eq(notified.failed, 0);
		ck_assert(readable(vhost_user_frontend_fd(fe)));
	}
	dispatch_both();
	assert_dead(-EPERM, "enough of it");
}
END_TEST

START_TEST(c2_02_dispatch_serves_a_bounded_part_of_a_flood)
{
	unsigned int i;

	run();
	for (i = 0; i < 100; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	ck_assert_int_eq(vhost_user_frontend_dispatch(fe), 1);
	for (i = 0; peer_answer(&peer) == 0; i++)
		;
	ck_assert_uint_ge(i, 1);
	ck_assert_uint_lt(i, 100);
	ck_assert(readable(vhost_user_frontend_fd(fe)));
}
END_TEST

START_TEST(c2_02_flood_does_not_starve_the_main_socket)
{
	unsigned int i;

	run();
	for (i = 0; i < 100; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	ck_assert(peer_step(&peer));
	ck_assert_int_eq(vhost_user_frontend_dispatch(fe), 1);
	ck_assert_uint_eq(notified.config, 1);
	for (i = 0; peer_answer(&peer) == 0; i++)
		;
	ck_assert_uint_lt(i, 100);
}
END_TEST

START_TEST(c2_03_channel_is_served_while_a_reply_is_pending)
{
	run();
	deviate(PEER_SILENT, VHOST_USER_GET_VRING_BASE);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_STOPPING);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 -1);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_STOPPING);
}
END_TEST

START_TEST(c2_04_map_request_without_the_feature_is_refused)
{
	const struct vhost_user_shmem_mmap mmap_req = { .len = 4096 };
	int before;

	run();
	before = vsu_fd_count();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &mmap_req,
		 sizeof(mmap_req), call_fd);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(channel_closed_by_the_back_end_keeps_the_session)
{
	run();
	close(peer.back);
	peer.back = -1;
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config, 1);
}
END_TEST

START_TEST(channel_whose_replies_are_not_read_is_not_read)
{
	unsigned int i;

	run();
	for (i = 0; i < 20000; i++) {
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
			 NEED, NULL, 0, -1);
		if (i % 64 == 0)
			while (vhost_user_frontend_dispatch(fe) == 1)
				;
		if (!readable(vhost_user_frontend_fd(fe)))
			break;
	}
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(peer_answer(&peer), 0);
}
END_TEST

/* -------------------------------------------------------------------- suite */

static void add_answers(Suite *s)
{
	TCase *tc = front_case(s, "answers", setup, teardown);

	tcase_add_test(tc, c1_01_unrequested_reply_ends_the_session);
	tcase_add_test(tc, c1_01_second_reply_ends_the_session);
	tcase_add_loop_test(tc, c1_02_reply_with_a_wrong_header_ends_the_session, 0,
			    COUNT(bad_headers));
	tcase_add_loop_test(tc, c1_03_reply_of_another_size_ends_the_session, 0,
			    COUNT(bad_sizes));
	tcase_add_test(tc, c1_03_reply_larger_than_any_ends_the_session);
	tcase_add_test(tc, c1_04_reply_with_an_fd_ends_the_session_and_closes_it);
	tcase_add_test(tc, c1_05_missing_reply_ends_the_session_at_its_deadline);
	tcase_add_test(tc, c1_05_partial_reply_does_not_stop_the_deadline);
	tcase_add_test(tc, c1_05_stop_has_one_deadline_for_all_its_replies);
	tcase_add_test(tc, c1_20_all_replies_of_one_read_are_handled);
	tcase_add_test(tc, c1_20_dispatch_handles_a_limited_number_of_replies);
	tcase_add_test(tc, c1_02_replies_behind_an_invalid_one_are_not_delivered);
	tcase_add_loop_test(tc, owner_may_end_a_session_inside_or_outside_a_callback,
			    0, 2);
	tcase_add_loop_test(tc, c1_06_refusal_fails_the_start_and_names_the_request, 0,
			    COUNT(refusable));
	tcase_add_loop_test(tc, c1_08_zero_queues_or_slots_are_refused, 0,
			    2);
	tcase_add_test(tc, c1_08_enormous_limits_are_capped);
	tcase_add_loop_test(tc, c1_13_back_end_may_die_at_any_message, 0,
			    34);
	tcase_add_test(tc, c1_13_retry_on_a_new_session_works);
	tcase_add_test(tc, hang_up_after_a_reply_is_reported_with_both_requests);
	tcase_add_test(tc, c1_15_calls_on_a_dead_session_are_refused_at_once);
	tcase_add_test(tc, c1_15_calls_on_a_session_that_died_running_are_refused);
}

static void add_back_end_channel(Suite *s)
{
	TCase *tc = front_case(s, "back-end channel", setup, teardown);

	tcase_add_test(tc, c2_31_config_changes_are_reported_once_per_dispatch);
	tcase_add_test(tc, c2_01_unknown_request_is_refused_and_keeps_the_session);
	tcase_add_loop_test(tc, c2_01_bad_header_on_the_channel_closes_only_the_channel,
			    0, COUNT(broken));
	tcase_add_test(tc, c2_01_too_many_fds_on_the_channel_close_only_the_channel);
	tcase_add_test(tc, c1_20_all_back_end_requests_of_one_read_are_handled);
	tcase_add_test(tc, c2_31_config_change_is_reported_once_the_owner_can_read_it);
	tcase_add_test(tc, c2_01_unexpected_fds_are_closed_and_counted);
	tcase_add_test(tc, c2_02_flood_does_not_starve_the_main_socket);
	tcase_add_test(tc, c2_02_dispatch_serves_a_bounded_part_of_a_flood);
	tcase_add_test(tc, c2_03_channel_is_served_while_a_reply_is_pending);
	tcase_add_test(tc, c2_04_map_request_without_the_feature_is_refused);
	tcase_add_test(tc, channel_closed_by_the_back_end_keeps_the_session);
	tcase_add_test(tc, channel_whose_replies_are_not_read_is_not_read);
}

int main(void)
{
	Suite *s = suite_create("frontend-answers");

	add_answers(s);
	add_back_end_channel(s);
	return run_suite(s);
}

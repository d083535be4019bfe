/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about waiting without an event loop, with a back-end on another
 * thread, and about structs without a size.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../front_rig.h"
#include "../suite.h"

static pthread_t thread;
static int quit = -1;

static void *serve(void *opaque)
{
	struct pollfd p[2] = { { peer.sock, POLLIN, 0 }, { quit, POLLIN, 0 } };

	(void)opaque;
	while (poll(p, 2, -1) > 0 && !p[1].revents)
		if (!peer_step(&peer))
			p[0].fd = peer.sock;	/* -1 after the peer has left */
	return NULL;
}

/* From here to the end of the test only the other thread uses peer. */
static void open_served(void)
{
	open_session();
	quit = vsu_event_new();
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

static void teardown_thread(void)
{
	vsu_event_signal(quit);
	pthread_join(thread, NULL);
	vsu_fd_close(&quit);
	teardown();
}

static int wait_for_answers(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vhost_user_frontend_wait(fe, 0, &err);

	ck_assert_msg(rc == err.code, "%d: %s", err.code, err.msg);
	return rc;
}

START_TEST(client_without_a_loop_starts_reads_config_and_stops)
{
	open_served();
	ck_assert_int_eq(wait_for_answers(), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	ck_assert_int_eq(wait_for_answers(), 0);
	ck_assert_uint_eq(notified.config, 1);
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(NRINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	ck_assert_int_eq(wait_for_answers(), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	grow_map(16 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(wait_for_answers(), 0);
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	ck_assert_int_eq(wait_for_answers(), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.stopped, 1);
}
END_TEST

/* Without a back-end channel the wait blocks in the read of the main socket. */
static void open_served_without_channel(void)
{
	config.protocol_features = VHOST_USER_PROTOCOL_BIT(CONFIG);
	open_served();
}

START_TEST(client_without_back_end_channel_waits_in_its_reads)
{
	int i;

	open_served_without_channel();
	ck_assert_int_eq(wait_for_answers(), 0);
	for (i = 1; i <= 50; i++) {
		ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
		ck_assert_int_eq(wait_for_answers(), 0);
		ck_assert_uint_eq(notified.config, i);
		/* dispatch still never blocks */
		ck_assert_int_eq(vhost_user_frontend_dispatch(fe), 0);
	}
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(c1_13_hang_up_ends_a_wait_in_a_read)
{
	struct vsu_error err = VSU_ERROR_INIT;

	deviate(PEER_HANG_UP, VHOST_USER_GET_CONFIG);
	open_served_without_channel();
	ck_assert_int_eq(wait_for_answers(), 0);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_wait(fe, 0, &err), -ECONNRESET);
	assert_dead(-ECONNRESET, "hung up");
}
END_TEST

START_TEST(c1_13_hang_up_ends_the_wait)
{
	struct vsu_error err = VSU_ERROR_INIT;

	deviate(PEER_HANG_UP, VHOST_USER_GET_PROTOCOL_FEATURES);
	open_served();
	ck_assert_int_eq(vhost_user_frontend_wait(fe, 0, &err), -ECONNRESET);
	ck_assert_ptr_nonnull(strstr(err.msg, "GET_PROTOCOL_FEATURES"));
	ck_assert_int_eq(vhost_user_frontend_wait(fe, 0, NULL), -ECONNRESET);
	assert_dead(-ECONNRESET, "hung up");
}
END_TEST

static int inside;

static void wait_inside(void *opaque)
{
	(void)opaque;
	inside = vhost_user_frontend_wait(fe, 1, NULL);
}

START_TEST(wait_inside_a_callback_is_refused)
{
	become_ready();
	on_config_changed = wait_inside;
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, 0, NULL, 0, -1);
	dispatch_both();
	ck_assert_uint_eq(notified.changed, 1);
	ck_assert_int_eq(inside, -EPROTO);
}
END_TEST

/* The back-end does not reply: the time-out ends the wait, not the session. */
START_TEST(c1_05_time_out_of_a_wait_keeps_the_session)
{
	struct vsu_error err = VSU_ERROR_INIT;

	open_session();
	ck_assert_int_eq(vhost_user_frontend_wait(fe, 1, &err), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/run/disk"));
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_NEGOTIATING);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_int_eq(vhost_user_frontend_wait(fe, 1, NULL), 0);
}
END_TEST

START_TEST(c1_05_session_deadline_ends_a_wait_without_a_time_out)
{
	config.timeout_ns = 1;
	open_session();
	ck_assert_int_eq(wait_for_answers(), -ETIMEDOUT);
	assert_dead(-ETIMEDOUT, "did not answer GET_FEATURES");
}
END_TEST

START_TEST(c1_05_session_deadline_ends_a_wait_in_a_read)
{
	config.timeout_ns = 20000000;
	config.protocol_features = VHOST_USER_PROTOCOL_BIT(CONFIG);
	open_session();
	ck_assert_int_eq(wait_for_answers(), -ETIMEDOUT);
	assert_dead(-ETIMEDOUT, "did not answer GET_FEATURES");
}
END_TEST

START_TEST(ops_or_config_without_a_size_are_refused)
{
	const struct vhost_user_frontend_config no_config = { .size = 0 };
	const struct vhost_user_frontend_ops no_ops = { .size = 0 };
	const struct vhost_user_frontend_ops ops = { .size = sizeof(ops) };
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vhost_user_frontend_new_take_fd(peer.extra, &no_config,
				&ops, NULL, &fe, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "vhost_user_frontend_config"));
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(peer.extra, &config,
				&no_ops, NULL, &fe, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "vhost_user_frontend_ops"));
	ck_assert_ptr_null(fe);
	open_session();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("frontend-wait");
	TCase *served = tcase_create("served"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(served, setup, teardown_thread);
	tcase_add_test(served, client_without_a_loop_starts_reads_config_and_stops);
	tcase_add_test(served, client_without_back_end_channel_waits_in_its_reads);
	tcase_add_test(served, c1_13_hang_up_ends_a_wait_in_a_read);
	tcase_add_test(served, c1_13_hang_up_ends_the_wait);
	suite_add_tcase(s, served);
	tcase_add_checked_fixture(alone, setup, teardown);
	tcase_add_test(alone, c1_05_time_out_of_a_wait_keeps_the_session);
	tcase_add_test(alone, c1_05_session_deadline_ends_a_wait_without_a_time_out);
	tcase_add_test(alone, c1_05_session_deadline_ends_a_wait_in_a_read);
	tcase_add_test(alone, wait_inside_a_callback_is_refused);
	tcase_add_test(alone, ops_or_config_without_a_size_are_refused);
	suite_add_tcase(s, alone);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state of a back-end on its way; the test is the back-end. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "vhost_user/remote_priv.h"

static struct virtdev_vhost_user r;
static int session;		/* the epoll descriptor */
static struct vsu_error err;
static struct {
	int fd;			/* its end of the pipe */
	unsigned int nchecks;
	int result;		/* of the check */
	int session;		/* eventfd: dispatch has work */
	unsigned char *got;
	size_t ngot;
	bool refuses;		/* the session fails at the request */
	bool closes;		/* it closes its end without reading */
	bool chats;		/* it sends other messages, and neither reads nor answers */
	uint64_t passed_ns;	/* while it chats: one second per call of the clock */
} peer;

/* ------------------------------------------------- in place of the session */

int __wrap_vhost_user_frontend_move_state(struct vhost_user_frontend *f, bool load,
					  int fd, struct vsu_error *e);
int __wrap_vhost_user_frontend_check_state(struct vhost_user_frontend *f,
					   struct vsu_error *e);
int __wrap_vhost_user_frontend_fd(const struct vhost_user_frontend *f);
int __wrap_vhost_user_frontend_dispatch(struct vhost_user_frontend *f);
enum vhost_user_frontend_state __wrap_vhost_user_frontend_state(const struct vhost_user_frontend *f);
uint64_t __real_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void);

uint64_t __wrap_vsu_now_ns(void)
{
	peer.passed_ns += peer.chats ? 1000000000u : 0;
	return __real_vsu_now_ns() + peer.passed_ns;
}

int __wrap_vhost_user_frontend_move_state(struct vhost_user_frontend *f, bool load,
					  int fd, struct vsu_error *e)
{
	(void)f;
	(void)load;
	if (peer.refuses)
		return vsu_error_set(e, -EBUSY, "not now");
	peer.fd = vsu_fd_dup(fd);
	ck_assert_int_ge(peer.fd, 0);
	if (load)
		vsu_event_signal(peer.session);
	return 0;
}

int __wrap_vhost_user_frontend_check_state(struct vhost_user_frontend *f,
					   struct vsu_error *e)
{
	(void)f;
	(void)e;
	peer.nchecks++;
	return 0;
}

enum vhost_user_frontend_state __wrap_vhost_user_frontend_state(const struct vhost_user_frontend *f)
{
	(void)f;
	return VHOST_USER_FRONTEND_READY;
}

int __wrap_vhost_user_frontend_fd(const struct vhost_user_frontend *f)
{
	(void)f;
	return session;
}

/* A back-end that loads: reads to the end, and reports its result when it is asked. */
int __wrap_vhost_user_frontend_dispatch(struct vhost_user_frontend *f)
{
	ssize_t n = 1;

	(void)f;
	if (r.stream.way == REMOTE_STREAM_SAVES || peer.chats)
		return 0;
	if (peer.closes)
		vsu_fd_close(&peer.fd);
	while (peer.fd >= 0 && n > 0) {
		peer.got = realloc(peer.got, peer.ngot + 4096);
		n = read(peer.fd, peer.got + peer.ngot, 4096);
		peer.ngot += n > 0 ? (size_t)n : 0;
	}
	if (!n)
		vsu_fd_close(&peer.fd);
	if (peer.nchecks)
		virtdev_priv_remote_on_state_moved(&r, peer.result);
	return 0;
}

static void setup(void)
{
	static char there[] = "the back-end at 'there'";
	struct epoll_event event = { .events = EPOLLIN };

	memset(&r, 0, sizeof(r));
	memset(&peer, 0, sizeof(peer));
	r.phase = REMOTE_SERVED;
	r.stream.fd = r.stream.timer_fd = peer.fd = -1;
	r.who = there;
	session = epoll_create1(EPOLL_CLOEXEC);
	peer.session = vsu_event_new();
	ck_assert_int_eq(epoll_ctl(session, EPOLL_CTL_ADD, peer.session, &event), 0);
	vsu_error_clear(&err);
}

static void teardown(void)
{
	virtdev_priv_remote_stream_drop(&r);
	vsu_fd_close(&session);
	vsu_fd_close(&peer.session);
	vsu_fd_close(&peer.fd);
	free(peer.got);
}

/* ------------------------------------------------------------------------ save */

static bool is_readable(void)
{
	struct pollfd p = { .fd = session, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* As the owner does while the session's descriptor is readable. */
static void turns(void)
{
	while (is_readable())
		ck_assert_int_eq(virtdev_vhost_user_dispatch(&r), 0);
}

static void begin(void)
{
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	ck_assert_int_ge(peer.fd, 0);
	virtdev_priv_remote_on_state_moves(&r, 0, -1);
}

static void send_bytes(const void *bytes, size_t len)
{
	ck_assert_int_eq(write(peer.fd, bytes, len), (ssize_t)len);
	turns();
}

START_TEST(bytes_arrive_in_pieces_and_are_complete_when_the_back_end_says_so)
{
	begin();
	send_bytes("abc", 3);
	send_bytes("defg", 4);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	ck_assert_uint_eq(peer.nchecks, 0);
	vsu_fd_close(&peer.fd);
	turns();
	turns();
	ck_assert_uint_eq(peer.nchecks, 1);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	virtdev_priv_remote_on_state_moved(&r, 0);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), 0);
	ck_assert_uint_eq(r.stream.len, 7);
	ck_assert_int_eq(memcmp(r.stream.bytes, "abcdefg", 7), 0);
}
END_TEST

START_TEST(e2_25_a_refused_request_fails_the_save)
{
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	virtdev_priv_remote_on_state_moves(&r, -EREMOTEIO, -1);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EREMOTEIO);
	ck_assert_str_eq(err.msg, "the back-end at 'there' did not save the state of its device: it refused the request");
	virtdev_priv_remote_stream_drop(&r);
	peer.refuses = true;
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EBUSY);
}
END_TEST

START_TEST(a_descriptor_of_the_back_end_is_refused)
{
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	virtdev_priv_remote_on_state_moves(&r, 0, peer.session);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EOPNOTSUPP);
}
END_TEST

START_TEST(e2_25_a_failure_that_the_back_end_reports_fails_the_save)
{
	begin();
	send_bytes("abc", 3);
	vsu_fd_close(&peer.fd);
	turns();
	virtdev_priv_remote_on_state_moved(&r, -EREMOTEIO);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EREMOTEIO);
}
END_TEST

START_TEST(result_before_the_end_of_the_stream_is_ignored)
{
	begin();
	virtdev_priv_remote_on_state_moved(&r, 0);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
}
END_TEST

START_TEST(e2_25_a_state_without_end_fails_at_the_limit)
{
	static char page[4096];
	size_t sent;
	int rc = -EAGAIN;

	begin();
	for (sent = 0; rc == -EAGAIN && sent <= VIRTDEV_STATE_MAX; sent += sizeof(page)) {
		send_bytes(page, sizeof(page));
		rc = virtdev_priv_remote_stream_save(&r, &err);
	}
	ck_assert_int_eq(rc, -EFBIG);
	ck_assert_uint_le(r.stream.size, VIRTDEV_STATE_MAX);
}
END_TEST

START_TEST(e2_25_a_silent_back_end_fails_the_save)
{
	begin();
	ck_assert(!is_readable());
	r.stream.until_ns = 0;
	ck_assert_int_eq(vsu_timer_arm(r.stream.timer_fd, 1), 0);
	while (!is_readable());
	turns();
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -ETIMEDOUT);
}
END_TEST

START_TEST(a_save_that_is_given_up_closes_the_pipe)
{
	begin();
	virtdev_priv_remote_stream_drop(&r);
	ck_assert_int_eq(write(peer.fd, "a", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	virtdev_priv_remote_on_state_moved(&r, 0);
	ck_assert_int_eq(r.stream.phase, REMOTE_STREAM_IDLE);
}
END_TEST

/* A save that got no answer was dropped, and another one begins. */
static void drop_and_begin(void)
{
	virtdev_priv_remote_stream_drop(&r);
	vsu_fd_close(&peer.fd);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
}

START_TEST(e2_25_late_refusal_of_a_cancelled_save_is_ignored)
{
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	drop_and_begin();
	virtdev_priv_remote_on_state_moves(&r, -EREMOTEIO, -1);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	virtdev_priv_remote_on_state_moves(&r, -EREMOTEIO, -1);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EREMOTEIO);
}
END_TEST

static void end_stream(void)
{
	vsu_fd_close(&peer.fd);
	turns();
	turns();
}

START_TEST(e2_25_late_result_of_a_cancelled_save_is_ignored)
{
	begin();
	end_stream();
	ck_assert_uint_eq(peer.nchecks, 1);
	drop_and_begin();
	end_stream();
	ck_assert_uint_eq(peer.nchecks, 2);
	virtdev_priv_remote_on_state_moved(&r, 0);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EAGAIN);
	virtdev_priv_remote_on_state_moved(&r, -EREMOTEIO);
	ck_assert_int_eq(virtdev_priv_remote_stream_save(&r, &err), -EREMOTEIO);
}
END_TEST

/* ------------------------------------------------------------------------ load */

START_TEST(a_state_of_many_pipes_is_loaded)
{
	const size_t len = 1000003;
	unsigned char *bytes = malloc(len);
	size_t i;

	ck_assert_ptr_nonnull(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(i * 7 + i / 251);
	ck_assert_int_eq(virtdev_priv_remote_stream_load(&r, bytes, len, &err), 0);
	ck_assert_uint_eq(peer.ngot, len);
	ck_assert_int_eq(memcmp(peer.got, bytes, len), 0);
	ck_assert_uint_eq(peer.nchecks, 1);
	ck_assert_int_eq(r.stream.phase, REMOTE_STREAM_IDLE);
	free(bytes);
}
END_TEST

START_TEST(a_refused_state_is_an_error_with_the_socket)
{
	peer.result = -EREMOTEIO;
	ck_assert_int_eq(virtdev_priv_remote_stream_load(&r, "abc", 3, &err), -EREMOTEIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "'there' cannot load the saved state"));
}
END_TEST

START_TEST(a_lost_back_end_ends_the_load)
{
	r.phase = REMOTE_FAILED;
	ck_assert_int_eq(virtdev_priv_remote_stream_load(&r, "abc", 3, &err), -ECONNRESET);
}
END_TEST

START_TEST(e2_25_back_end_that_sends_other_messages_only_ends_the_load)
{
	static const unsigned char bytes[1000003];

	peer.chats = true;
	ck_assert_int_eq(virtdev_priv_remote_stream_load(&r, bytes, _i ? sizeof(bytes) : 3, &err),
			 -ETIMEDOUT);
	ck_assert_uint_ge(peer.passed_ns, UINT64_C(60000000000));
}
END_TEST

START_TEST(e2_25_back_end_that_closes_the_pipe_ends_the_load)
{
	static const unsigned char bytes[1000003];

	signal(SIGPIPE, SIG_DFL);
	peer.closes = true;
	ck_assert_int_eq(virtdev_priv_remote_stream_load(&r, bytes, sizeof(bytes), &err), -EPIPE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remote stream");
	TCase *tc = tcase_create("remote stream");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bytes_arrive_in_pieces_and_are_complete_when_the_back_end_says_so);
	tcase_add_test(tc, e2_25_a_refused_request_fails_the_save);
	tcase_add_test(tc, a_descriptor_of_the_back_end_is_refused);
	tcase_add_test(tc, e2_25_a_failure_that_the_back_end_reports_fails_the_save);
	tcase_add_test(tc, result_before_the_end_of_the_stream_is_ignored);
	tcase_add_test(tc, e2_25_a_state_without_end_fails_at_the_limit);
	tcase_add_test(tc, e2_25_a_silent_back_end_fails_the_save);
	tcase_add_test(tc, a_save_that_is_given_up_closes_the_pipe);
	tcase_add_test(tc, e2_25_late_refusal_of_a_cancelled_save_is_ignored);
	tcase_add_test(tc, e2_25_late_result_of_a_cancelled_save_is_ignored);
	tcase_add_test(tc, a_state_of_many_pipes_is_loaded);
	tcase_add_test(tc, a_refused_state_is_an_error_with_the_socket);
	tcase_add_test(tc, a_lost_back_end_ends_the_load);
	tcase_add_loop_test(tc, e2_25_back_end_that_sends_other_messages_only_ends_the_load, 0, 2);
	tcase_add_test(tc, e2_25_back_end_that_closes_the_pipe_ends_the_load);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

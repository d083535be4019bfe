/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the server: which front-ends are served, which wait, and which
 * idle ones are disconnected.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vhost/server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../rig.h"
#include "backend/server_priv.h"

#define MAX_CLIENTS 8u

/* The back-end's side: sessions in the order of their start. */
static struct vhost_user_server *server;
static int listener;
static struct owned {
	struct vhost_user_backend *b;	/* NULL after the session has ended */
	struct vsu_error why;
} sessions[MAX_CLIENTS];
static unsigned int began, ended, failures;
static int refuses;

/* This number of epoll additions fails, as at the limit of watches. */
static unsigned int additions_that_fail;
/* Only this addition fails, counted from 1; or 0. */
static unsigned int addition_that_fails;

int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	bool fails = op == EPOLL_CTL_ADD && addition_that_fails == 1;

	if (op == EPOLL_CTL_ADD && addition_that_fails)
		addition_that_fails--;
	if (op == EPOLL_CTL_ADD && additions_that_fail) {
		additions_that_fail--;
		fails = true;
	}
	if (fails) {
		errno = ENOSPC;
		return -1;
	}
	return __real_epoll_ctl(epfd, op, fd, event);
}

static void on_run(void *opaque, uint32_t ring)
{
	(void)opaque;
	(void)ring;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct owned *o = opaque;

	(void)ring;
	(void)drain;
	vhost_user_backend_done(o->b, token);
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct owned *o = opaque;

	o->why = *err;
	vhost_user_backend_free(o->b);
	o->b = NULL;
	ended++;
}

static int on_begin(void *opaque, int sock, struct vhost_user_backend **session,
		    struct vsu_error *err)
{
	static const struct vhost_user_backend_ops session_ops = {
		.size = sizeof(session_ops), .run = on_run,
		.quiesce = on_quiesce, .gone = on_gone,
	};
	const struct vhost_user_backend_config config = {
		.size = sizeof(config), .features = RIG_FEATURES, .nrings = 1,
	};
	struct owned *o = &sessions[began];
	int rc;

	ck_assert_ptr_eq(opaque, sessions);
	if (refuses)
		return vsu_error_set(err, refuses, "the owner wants nobody");
	rc = vhost_user_backend_new_take_fd(sock, &config, &session_ops, o,
					    &o->b, err);
	began += rc == 0;
	*session = o->b;
	return rc;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	ck_assert_int_eq(err->code, refuses);
	failures++;
}

static const struct vhost_user_server_ops server_ops = {
	.size = sizeof(server_ops), .begin = on_begin, .failed = on_failed,
};

/* An abstract address, chosen by the kernel. */
static void listen_with(uint32_t places, uint64_t idle_ns)
{
	const struct vhost_user_server_config config = {
		.size = sizeof(config), .max_sessions = places,
		.idle_ns = idle_ns,
	};
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct vsu_error err = VSU_ERROR_INIT;

	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&addr,
			      sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	ck_assert_msg(vhost_user_server_new(listener, &config, &server_ops,
					    sessions, &server, &err) == 0,
		      "%s", err.msg);
}

static void server_fini(void)
{
	while (vhost_user_server_stop(server) == -EAGAIN)
		ck_assert_int_ge(vhost_user_server_dispatch(server), 0);
	ck_assert_uint_eq(vhost_user_priv_server_count(server), 0);
	ck_assert_uint_eq(began, ended);
	vhost_user_server_free(server);
	close(listener);
}

static bool is_ready(void)
{
	struct pollfd p = { vhost_user_server_fd(server), POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

/* Dispatches until nothing is ready. */
static void serve(void)
{
	while (is_ready())
		ck_assert_int_ge(vhost_user_server_dispatch(server), 0);
}

static void serve_until(const unsigned int *count, unsigned int n)
{
	struct pollfd p = { vhost_user_server_fd(server), POLLIN, 0 };

	while (*count < n) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		ck_assert_int_ge(vhost_user_server_dispatch(server), 0);
	}
}

/* front-ends */

static int client(void)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&addr, &len),
			 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, len), 0);
	return fd;
}

static void send_request(int fd, uint32_t request, const void *payload, uint32_t size)
{
	const struct vhost_user_header hdr = { request, 1, size };
	unsigned char bytes[sizeof(hdr) + 8];

	memcpy(bytes, &hdr, sizeof(hdr));
	if (size)
		memcpy(bytes + sizeof(hdr), payload, size);
	ck_assert_int_eq(write(fd, bytes, sizeof(hdr) + size),
			 (ssize_t)(sizeof(hdr) + size));
	serve();
}

/* Sends GET_FEATURES; true if there was a reply. */
static bool is_answered(int fd)
{
	unsigned char reply[64];

	send_request(fd, VHOST_USER_GET_FEATURES, NULL, 0);
	return recv(fd, reply, sizeof(reply), MSG_DONTWAIT) ==
	       (ssize_t)sizeof(struct vhost_user_header) + 8;
}

static bool has_hung_up(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(front_ends_are_served_concurrently)
{
	int a, b, c;

	listen_with(3, 0);
	a = client();
	b = client();
	c = client();
	ck_assert(is_answered(c) && is_answered(a) && is_answered(b));
	ck_assert_uint_eq(vhost_user_priv_server_count(server), 3);
	close(b);
	serve();
	ck_assert_uint_eq(vhost_user_priv_server_count(server), 2);
	ck_assert_int_eq(sessions[1].why.code, -ECONNRESET);
	ck_assert(is_answered(a) && is_answered(c));
	b = client();
	ck_assert(is_answered(b));
	close(a);
	close(b);
	close(c);
	server_fini();
}
END_TEST

START_TEST(b5_05_excess_front_end_waits_for_the_end_of_a_session)
{
	int a, b, late;

	listen_with(2, 0);
	a = client();
	b = client();
	ck_assert(is_answered(a) && is_answered(b));
	late = client();
	serve();
	ck_assert(!is_ready());
	ck_assert_uint_eq(began, 2);
	close(a);
	serve();
	ck_assert_uint_eq(began, 3);
	ck_assert(is_answered(late));
	close(b);
	close(late);
	server_fini();
}
END_TEST

/* The messages that claim a device for a front-end. */
static const uint32_t claims[] = {
	VHOST_USER_SET_OWNER,
	VHOST_USER_SET_PROTOCOL_FEATURES,
	VHOST_USER_SET_FEATURES,
};

START_TEST(b5_15_front_end_that_claims_the_device_stays)
{
	const uint64_t features = RIG_FEATURES | VHOST_USER_F_PROTOCOL_FEATURES;
	const uint64_t none = 0;
	uint32_t request = claims[_i];
	int a, late;

	listen_with(1, 1);
	a = client();
	serve();
	send_request(a, request, request == VHOST_USER_SET_FEATURES ? &features : &none,
	    request == VHOST_USER_SET_OWNER ? 0 : 8);
	late = client();
	serve();
	ck_assert(!is_ready());
	ck_assert_uint_eq(began, 1);
	ck_assert(is_answered(a));
	close(a);
	serve();
	ck_assert(is_answered(late));
	close(late);
	server_fini();
}
END_TEST

START_TEST(b5_15_front_end_that_only_queries_is_replaced)
{
	int a, late;

	listen_with(1, 1);
	a = client();
	ck_assert(is_answered(a) && is_answered(a));
	late = client();
	serve_until(&began, 2);
	ck_assert(is_answered(late));
	ck_assert(has_hung_up(a));
	ck_assert_int_eq(sessions[0].why.code, -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(sessions[0].why.msg, "negotiated nothing"));
	close(a);
	close(late);
	server_fini();
}
END_TEST

START_TEST(b5_15_oldest_idle_front_end_is_replaced)
{
	int holder, a, b, late;

	listen_with(3, 1);
	holder = client();
	serve();
	send_request(holder, VHOST_USER_SET_OWNER, NULL, 0);
	a = client();
	serve();
	b = client();
	serve();
	late = client();
	serve_until(&began, 4);
	ck_assert(has_hung_up(a));
	ck_assert(is_answered(b) && is_answered(holder) && is_answered(late));
	close(holder);
	close(a);
	close(b);
	close(late);
	server_fini();
}
END_TEST

START_TEST(b5_15_idle_front_end_stays_if_no_other_waits)
{
	int a;

	listen_with(1, 1);
	a = client();
	ck_assert(is_answered(a));
	serve();
	ck_assert(is_answered(a));
	ck_assert_uint_eq(ended, 0);
	close(a);
	server_fini();
}
END_TEST

/* Only the timer wakes the server here. */
START_TEST(b5_15_idle_front_end_is_replaced_at_its_deadline)
{
	int a, late;

	listen_with(1, 20 * UINT64_C(1000000));
	a = client();
	late = client();
	serve_until(&began, 2);
	ck_assert_uint_eq(ended, 1);
	close(a);
	close(late);
	server_fini();
}
END_TEST

START_TEST(connected_socket_is_served_until_it_ends)
{
	const struct vhost_user_server_config config = { .size = sizeof(config) };
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_int_eq(vhost_user_server_new(pair[1], &config, &server_ops,
					       sessions, &server, NULL), 0);
	close(pair[1]);
	ck_assert(is_answered(pair[0]));
	close(pair[0]);
	ck_assert_int_eq(vhost_user_server_dispatch(server), -ECONNRESET);
	ck_assert_int_eq(vhost_user_server_stop(server), 0);
	vhost_user_server_free(server);
	ck_assert_uint_eq(ended, 1);
}
END_TEST

START_TEST(refused_front_end_leaves_the_server_running)
{
	int a, b;

	listen_with(1, 0);
	refuses = -EPERM;
	a = client();
	serve_until(&failures, 1);
	ck_assert(has_hung_up(a));
	refuses = 0;
	b = client();
	ck_assert(is_answered(b));
	close(a);
	close(b);
	server_fini();
}
END_TEST

START_TEST(session_closed_by_its_owner_admits_the_next)
{
	int a, b;

	listen_with(1, 0);
	a = client();
	ck_assert(is_answered(a));
	b = client();
	vhost_user_backend_close(sessions[0].b);
	serve_until(&began, 2);
	ck_assert(is_answered(b));
	close(a);
	close(b);
	server_fini();
}
END_TEST

/* Another process may have a session's descriptor, and it may be readable. */
START_TEST(ended_session_no_longer_wakes_the_server)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct pollfd p = { .events = POLLIN };
	int a, kept, ready = vsu_event_new();

	listen_with(2, 0);
	a = client();
	ck_assert(is_answered(a));
	kept = dup(vhost_user_backend_fd(sessions[0].b));
	ck_assert_int_eq(vsu_event_signal_own(ready), 0);
	ck_assert_int_eq(epoll_ctl(kept, EPOLL_CTL_ADD, ready, &event), 0);
	close(a);
	ck_assert_int_eq(vhost_user_server_dispatch(server), 0);
	ck_assert_uint_eq(ended, 1);
	p.fd = vhost_user_server_fd(server);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	close(kept);
	close(ready);
	server_fini();
}
END_TEST

START_TEST(e1_40_failed_accept_is_retried)
{
	int a, b;

	listen_with(1, 0);
	a = client();
	serve();
	send_request(a, VHOST_USER_SET_OWNER, NULL, 0);
	close(a);
	additions_that_fail = 3;	/* each attempt to resume accepting */
	serve_until(&ended, 1);
	b = client();
	serve_until(&began, 2);
	ck_assert_uint_eq(additions_that_fail, 0);
	ck_assert(is_answered(b));
	close(b);
	server_fini();
}
END_TEST

START_TEST(stopped_server_accepts_no_front_end)
{
	int a, b;

	listen_with(1, 0);
	a = client();
	ck_assert(is_answered(a));
	b = client();
	ck_assert_int_eq(vhost_user_server_stop(server), 0);
	serve();
	ck_assert(has_hung_up(a));
	ck_assert_uint_eq(began, 1);
	close(a);
	close(b);
	server_fini();
}
END_TEST

/* Tests the failure of the k-th epoll addition, for every k. */
static void fail_one_addition(void)
{
	const struct vhost_user_server_config config = { .size = sizeof(config) };
	int pair[2], rc = -1;
	unsigned int k;

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	for (k = 0; rc < 0; k++) {
		addition_that_fails = k + 1;
		rc = vhost_user_server_new(pair[1], &config, &server_ops,
					   sessions, &server, NULL);
		ck_assert(rc == 0 || rc == -ENOSPC);
	}
	ck_assert_uint_gt(k, 4);
	close(pair[1]);
	close(pair[0]);
}

START_TEST(e1_05_failed_creation_of_a_server_leaks_nothing)
{
	fail_one_addition();
	/*
	 * the last failed addition belongs to the session itself, which then
	 * ends
	 */
	ck_assert_int_eq(sessions[0].why.code, -ENOSPC);
	ck_assert_int_eq(vhost_user_server_dispatch(server), -ECONNRESET);
	vhost_user_server_free(server);
}
END_TEST

START_TEST(invalid_arguments_are_refused)
{
	static const struct vhost_user_server_ops nothing = {
		.size = sizeof(nothing),
	};
	const struct vhost_user_server_config config = {
		.size = sizeof(config), .max_sessions = UINT32_MAX,
	};
	const struct vhost_user_server_config none = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_int_eq(vhost_user_server_new(-1, &config, &server_ops, NULL,
					       &server, &err), -EBADF);
	ck_assert_int_eq(vhost_user_server_new(pair[0], &config, &server_ops,
					       NULL, &server, &err), -EINVAL);
	ck_assert_int_eq(vhost_user_server_new(pair[0], &none, &server_ops,
					       NULL, &server, &err), -EINVAL);
	ck_assert_int_eq(vhost_user_server_new(pair[0], &config, &nothing,
					       NULL, &server, &err), -EINVAL);
	refuses = -EPERM;
	ck_assert_int_eq(vhost_user_server_new(pair[0],
			&(struct vhost_user_server_config){
				.size = sizeof(config) },
			&server_ops, sessions, &server, &err), -EPERM);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("server");
	TCase *tc = rig_case(s, "places");

	/* cases change the process, so each one runs in a child */
	if (!getenv("TEST_FORK"))
		setenv("CK_FORK", "yes", 1);
	tcase_add_test(tc, front_ends_are_served_concurrently);
	tcase_add_test(tc, b5_05_excess_front_end_waits_for_the_end_of_a_session);
	tcase_add_loop_test(tc, b5_15_front_end_that_claims_the_device_stays,
			    0, (int)(sizeof(claims) / sizeof(claims[0])));
	tcase_add_test(tc, b5_15_front_end_that_only_queries_is_replaced);
	tcase_add_test(tc, b5_15_oldest_idle_front_end_is_replaced);
	tcase_add_test(tc, b5_15_idle_front_end_stays_if_no_other_waits);
	tcase_add_test(tc, b5_15_idle_front_end_is_replaced_at_its_deadline);
	tcase_add_test(tc, connected_socket_is_served_until_it_ends);
	tcase_add_test(tc, refused_front_end_leaves_the_server_running);
	tcase_add_test(tc, session_closed_by_its_owner_admits_the_next);
	tcase_add_test(tc, ended_session_no_longer_wakes_the_server);
	tcase_add_test(tc, e1_40_failed_accept_is_retried);
	tcase_add_test(tc, stopped_server_accepts_no_front_end);
	tcase_add_test(tc, e1_05_failed_creation_of_a_server_leaks_nothing);
	tcase_add_test(tc, invalid_arguments_are_refused);
	return run_suite(s);
}

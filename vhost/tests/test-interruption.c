/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about interrupted connections. Front-end and back-end communicate
 * through a relay, which at one message of either side either breaks both
 * connections (before, inside or behind it) or stops forwarding. Tests repeat
 * set-up, reconnection and stop for every message.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-queue/features.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "pair_rig.h"
#include "suite.h"

#define RELAY_FDS 32u
#define NEVER UINT32_MAX

enum interruption {
	BREAK_BEFORE, BREAK_IN_HEADER, BREAK_IN_PAYLOAD, BREAK_BEHIND, BREAKS,
	HOLD,		/* forward nothing from here on */
};

static struct pair pair;
/* the sockets to the front-end and to the back-end; or -1 */
static int ends[2];
static unsigned int passed;	/* messages forwarded, over all connections */
static unsigned int break_at;
static enum interruption break_how;
static unsigned int connects, ready, started, failed, lost, back;
static struct vsu_error why;

/* -------------------------------------------------------------------- relay */

struct message {
	struct vhost_user_header hdr;
	unsigned char payload[4096];
	int fds[RELAY_FDS];
	unsigned int nfds;
};

/*
 * Both sides write whole messages: once the header is readable, so is the rest.
 */
static bool relay_read(int sock, struct message *m)
{
	struct iovec iov = { &m->hdr, sizeof(m->hdr) };
	unsigned int none = 0;
	ssize_t n;

	m->nfds = RELAY_FDS;
	n = vsu_sock_recv(sock, &iov, 1, m->fds, &m->nfds);
	if (n <= 0)
		return false;
	ck_assert_int_eq(n, sizeof(m->hdr));
	ck_assert_uint_le(m->hdr.size, sizeof(m->payload));
	iov = (struct iovec){ m->payload, m->hdr.size };
	if (m->hdr.size)
		ck_assert_int_eq(vsu_sock_recv(sock, &iov, 1, NULL, &none),
				 m->hdr.size);
	return true;
}

/* At the end of a test the other side may have closed its socket. */
static void relay_write(int sock, const struct message *m, size_t len)
{
	/* iovec has no const form */
	struct iovec iov = { (void *)(uintptr_t)m, len };
	ssize_t n = vsu_sock_send(sock, &iov, 1, m->fds, m->nfds);

	ck_assert(n == (ssize_t)len || (n < 0 && !pair.f));
}

static size_t forwarded_length(const struct message *m)
{
	const size_t lengths[BREAKS] = {
		[BREAK_IN_HEADER] = sizeof(m->hdr) / 2,
		[BREAK_IN_PAYLOAD] = sizeof(m->hdr) + m->hdr.size / 2,
		[BREAK_BEHIND] = sizeof(m->hdr) + m->hdr.size,
	};

	return lengths[break_how];
}

static void relay_hang_up(void)
{
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
}

/* Forwards one message, if one is waiting. */
static bool relay_pass(int from, int to)
{
	size_t len = sizeof(struct vhost_user_header);
	struct message m;
	bool interrupted;

	if (from < 0 || (break_how == HOLD && passed == break_at) ||
	    !relay_read(from, &m))
		return false;
	interrupted = passed++ == break_at;
	len = interrupted ? forwarded_length(&m) : len + m.hdr.size;
	if (len)
		relay_write(to, &m, len);
	while (m.nfds)
		vsu_fd_close(&m.fds[--m.nfds]);
	if (interrupted)
		relay_hang_up();
	return true;
}

static bool has_hung_up(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

/* Without a connection, the front-end waits for its timer. */
static bool reconnects_later(void)
{
	struct pollfd timer = { .events = POLLIN };

	if (ends[0] >= 0 || !pair.f ||
	    vhost_user_frontend_state(pair.f) != VHOST_USER_FRONTEND_AWAY)
		return false;
	timer.fd = vhost_user_frontend_fd(pair.f);
	ck_assert_int_eq(poll(&timer, 1, 10000), 1);
	return true;
}

static void settle(void)
{
	bool busy = true;

	while (busy) {
		pair_settle(&pair);
		busy = relay_pass(ends[0], ends[1]);
		busy |= relay_pass(ends[1], ends[0]);
		if (!busy && (has_hung_up(ends[0]) || has_hung_up(ends[1]))) {
			relay_hang_up();
			busy = true;
		}
		busy = busy || reconnects_later();
	}
}

/* -------------------------------------------------------------------- sides */

/* Creates a back-end behind the relay; returns the front-end's socket. */
static int connection_new(void)
{
	int front[2], back_end[2];

	ck_assert_int_eq(vsu_sock_pair(front), 0);
	ck_assert_int_eq(vsu_sock_pair(back_end), 0);
	ends[0] = front[1];
	ends[1] = back_end[1];
	pair.runs = 0;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(back_end[0],
				&pair.back_config, &pair.back_ops, &pair,
				&pair.b, NULL), 0);
	return front[0];
}

/* The previous back-end must have ended, as its process would have. */
static int on_connect(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	if (pair.b)
		return vsu_error_set(err, -ECONNREFUSED, "it is busy");
	connects++;
	return connection_new();
}

static void on_ready(void *opaque) { (void)opaque; ready++; }
static void on_started(void *opaque) { (void)opaque; started++; }

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	failed++;
	why = *err;
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	(void)err;
	lost++;
}

static void on_back(void *opaque, bool rings_lost)
{
	(void)opaque;
	ck_assert(!rings_lost);
	back++;
}

static int get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	(void)opaque;
	memset(buf, (int)off, len);
	return 0;
}

static void session_init(unsigned int at, enum interruption how, bool reconnects)
{
	pair_init(&pair);
	pair.front_ops.ready = on_ready;
	pair.front_ops.started = on_started;
	pair.front_ops.failed = on_failed;
	pair.front_ops.lost = on_lost;
	pair.front_ops.back = on_back;
	pair.front_ops.connect = reconnects ? on_connect : NULL;
	pair.front_config.reconnect_ns = 1;
	pair.back_ops.get_config = get_config;
	pair.back_config.config_size = 60;
	ends[0] = ends[1] = -1;
	passed = connects = ready = started = failed = lost = back = 0;
	break_at = at;
	break_how = how;
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(connection_new(),
				&pair.front_config, &pair.front_ops, &pair,
				&pair.f, NULL), 0);
	settle();
}

static void session_fini(void)
{
	vhost_user_frontend_free(pair.f);
	pair.f = NULL;
	settle();
	pair_fini(&pair);
}

static enum vhost_user_frontend_state state(void)
{
	return vhost_user_frontend_state(pair.f);
}

static void start(void)
{
	const struct vhost_user_ring ring = {
		.size = PAIR_SIZE, .desc_gpa = 0x1000, .driver_gpa = 0x2000,
		.device_gpa = 0x3000, .kick_fd = pair.kick,
		.call_fd = pair.call, .err_fd = pair.err,
	};

	pair_set_memory(&pair);
	ck_assert_int_eq(vhost_user_frontend_set_ring(pair.f, 0, &ring, NULL),
			 0);
	ck_assert_int_eq(vhost_user_frontend_start(pair.f, VQ_F_VERSION_1,
						   NULL), 0);
	settle();
}

static void stop(void)
{
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	settle();
}

static bool was_interrupted(void) { return passed > break_at; }

/* ------------------------------------------------------------------- claims */

/* The failure was reported once with a reason, and both sessions have ended. */
static void expect_dead(void)
{
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_DEAD);
	ck_assert_uint_eq(failed, 1);
	ck_assert_msg(why.code == -ECONNRESET || why.code == -EBADMSG,
		      "%d: %s", why.code, why.msg);
	ck_assert_ptr_null(pair.b);
}

/*
 * Returns whether the session reached message AT, so that it was interrupted.
 */
static bool try_without_reconnection(unsigned int at, enum interruption how)
{
	bool interrupted;

	session_init(at, how, false);
	if (!failed)
		start();
	if (!failed)
		stop();
	interrupted = was_interrupted();
	if (interrupted)
		expect_dead();
	session_fini();
	return interrupted;
}

START_TEST(c1_13_interrupted_session_ends_cleanly_at_both_sides)
{
	unsigned int at;

	for (at = 0; try_without_reconnection(at, (enum interruption)_i); at++)
		;
	ck_assert_uint_gt(at, 40);
}
END_TEST

/*
 * A lost first handshake is final; every later state is restored by
 * reconnecting.
 */
static bool try_with_reconnection(unsigned int at, enum interruption how)
{
	bool interrupted;

	session_init(at, how, true);
	if (!failed) {
		start();
		ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
		ck_assert_uint_eq(started, 1);
		ck_assert_uint_eq(pair.runs, 1);
		stop();
		ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
		ck_assert_uint_eq(pair.stops, 1);
	}
	interrupted = was_interrupted();
	ck_assert_uint_eq(failed + lost, interrupted);
	ck_assert_uint_eq(back, lost);
	ck_assert_uint_eq(ready, !failed);
	session_fini();
	return interrupted;
}

START_TEST(c1_13_interrupted_session_is_resumed)
{
	unsigned int at;

	for (at = 0; try_with_reconnection(at, (enum interruption)_i); at++)
		;
	ck_assert_uint_gt(at, 40);
}
END_TEST

/*
 * The running session is lost, and its next connection is interrupted as well.
 */
static bool try_broken_reconnection(unsigned int at, enum interruption how)
{
	bool interrupted;

	session_init(NEVER, how, true);
	start();
	break_at = passed + at;
	relay_hang_up();
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	interrupted = was_interrupted();
	ck_assert_uint_eq(connects, interrupted ? 2 : 1);
	ck_assert_uint_eq(pair.runs, 1);
	ck_assert_uint_eq(started, 1);
	ck_assert_uint_eq(failed, 0);
	ck_assert_uint_eq(back, lost);
	session_fini();
	return interrupted;
}

START_TEST(c1_13_interrupted_reconnection_is_retried)
{
	unsigned int at;

	for (at = 0; try_broken_reconnection(at, (enum interruption)_i); at++)
		;
	ck_assert_uint_gt(at, 30);
}
END_TEST

/* The running session is lost, and its reconnection is stuck at message AT. */
static bool reconnect_partly(unsigned int at)
{
	session_init(NEVER, HOLD, true);
	start();
	break_at = passed + at;
	relay_hang_up();
	settle();
	return state() == VHOST_USER_FRONTEND_AWAY;
}

START_TEST(session_may_be_freed_at_any_step_of_reconnection)
{
	unsigned int at;
	bool away = true;

	for (at = 0; away; at++) {
		away = reconnect_partly(at);
		session_fini();
	}
	ck_assert_uint_gt(at, 30);
}
END_TEST

START_TEST(session_may_be_stopped_at_any_step_of_reconnection)
{
	unsigned int at;
	bool away = true;

	for (at = 0; away; at++) {
		away = reconnect_partly(at);
		ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
		break_at = NEVER;
		settle();
		ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
		ck_assert_msg(pair.stops == 1, "at %u: stopped %u times", at, pair.stops);
		ck_assert_int_eq(vhost_user_frontend_reset(pair.f, NULL), 0);
		session_fini();
	}
	ck_assert_uint_gt(at, 30);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost interruptions");
	TCase *tc = tcase_create("interruption");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, c1_13_interrupted_session_ends_cleanly_at_both_sides,
			    0, BREAKS);
	tcase_add_loop_test(tc, c1_13_interrupted_session_is_resumed,
			    0, BREAKS);
	tcase_add_loop_test(tc, c1_13_interrupted_reconnection_is_retried,
			    0, BREAKS);
	tcase_add_test(tc, session_may_be_freed_at_any_step_of_reconnection);
	tcase_add_test(tc, session_may_be_stopped_at_any_step_of_reconnection);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the life of a session: callbacks that are answered later, from
 * this or another thread; stalled peers; sessions that end at any point.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

static const struct vhost_user_vring_state ring_0;

/* Requests a stop of ring 0; the owner does not answer yet. */
static void park(struct rig *r)
{
	r->holds_answers = true;
	rig_send(r, VHOST_USER_GET_VRING_BASE, 1, &ring_0, 8, NULL, 0);
	rig_expect_silence(r);
	ck_assert_uint_ne(r->token, 0);
}

START_TEST(nothing_is_read_while_a_message_waits_for_the_owner)
{
	const uint64_t one = 1;
	struct rig_reply reply;
	int i;

	rig_init(&rig);
	rig_up(&rig);
	park(&rig);
	rig_send(&rig, VHOST_USER_SET_STATUS, 1, &one, 8, NULL, 0);
	for (i = 0; i < 5; i++)
		rig_send(&rig, VHOST_USER_GET_STATUS, 1, NULL, 0, NULL, 0);
	rig_expect_silence(&rig);
	ck_assert_uint_eq(rig.status, 0);
	vhost_user_backend_done(rig.b, rig.token);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.request, VHOST_USER_GET_VRING_BASE);
	for (i = 0; i < 5; i++) {
		ck_assert(rig_reply(&rig, &reply));
		ck_assert_mem_eq(reply.payload, &one, 8);
	}
	rig.holds_answers = false;
}
END_TEST

START_TEST(done_with_another_token_is_ignored)
{
	struct rig_reply reply;

	rig_init(&rig);
	rig_up(&rig);
	park(&rig);
	vhost_user_backend_done(rig.b, rig.token + 1);
	vhost_user_backend_done(rig.b, 0);
	rig_expect_silence(&rig);
	vhost_user_backend_done(rig.b, rig.token);
	vhost_user_backend_done(rig.b, rig.token);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	rig.holds_answers = false;
}
END_TEST

START_TEST(hang_up_during_a_quiesce_waits_for_done)
{
	rig_init(&rig);
	rig_up(&rig);
	park(&rig);
	vsu_fd_close(&rig.sock);
	ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), -ECONNRESET);
	ck_assert_uint_eq(rig.gones, 0);
	vhost_user_backend_done(rig.b, rig.token);
	/* the next message would then quiesce ring 1, too */
	ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), -ECONNRESET);
	ck_assert_uint_eq(rig.gones, 0);
	ck_assert_uint_eq(rig.asked_ring, VHOST_USER_ALL_RINGS);
	ck_assert(rig.asked_drain);
	vhost_user_backend_done(rig.b, rig.token);
	rig_expect_gone(&rig, -ECONNRESET);
}
END_TEST

/* Only done() makes the descriptor readable after the session has ended. */
START_TEST(ended_session_does_not_spin)
{
	struct pollfd p = { .events = POLLIN };
	int i;

	rig_init(&rig);
	rig_up(&rig);
	rig.holds_answers = true;
	rig_send(&rig, 77, 0, NULL, 0, NULL, 0);	/* version 0 */
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), -EBADMSG);
	p.fd = vhost_user_backend_fd(rig.b);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	vhost_user_backend_done(rig.b, rig.token);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	rig_expect_gone(&rig, -EBADMSG);
}
END_TEST

/* The socket's other owner keeps its description open, and with it the hang-up. */
START_TEST(socket_of_another_process_does_not_wake_an_ended_session)
{
	struct pollfd p = { .events = POLLIN };
	int other;

	rig_init(&rig);
	rig_up(&rig);
	rig.holds_answers = true;
	other = dup(rig.b->main.fd);
	vsu_fd_close(&rig.sock);
	ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), -ECONNRESET);
	p.fd = vhost_user_backend_fd(rig.b);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	vhost_user_backend_done(rig.b, rig.token);
	rig_expect_gone(&rig, -ECONNRESET);
	close(other);
}
END_TEST

START_TEST(waiting_session_does_not_spin)
{
	struct pollfd p = { .events = POLLIN };

	rig_init(&rig);
	rig_up(&rig);
	park(&rig);
	rig_send(&rig, VHOST_USER_GET_FEATURES, 1, NULL, 0, NULL, 0);
	p.fd = vhost_user_backend_fd(rig.b);
	ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), 0);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	vhost_user_backend_done(rig.b, rig.token);
	rig.holds_answers = false;
}
END_TEST

START_TEST(close_drains_rings_before_gone)
{
	rig_init(&rig);
	rig_up(&rig);
	rig.holds_answers = _i;
	vhost_user_backend_close(rig.b);
	ck_assert(rig.asked_drain);
	if (_i) {
		ck_assert_uint_eq(rig.gones, 0);
		vhost_user_backend_close(rig.b);
		vhost_user_backend_done(rig.b, rig.token);
		rig_dispatch(&rig);
	}
	ck_assert_uint_eq(rig.gones, 1);
	ck_assert_int_eq(rig.why.code, -ECANCELED);
}
END_TEST

static void close_on_run(void *opaque, uint32_t ring)
{
	struct rig *r = opaque;

	r->running[ring] = true;
	vhost_user_backend_close(r->b);
	ck_assert_uint_eq(r->gones, 0);		/* only after the callback */
}

START_TEST(close_inside_a_callback_takes_effect_after_it)
{
	rig_prepare(&rig);
	rig.ops.run = close_on_run;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, RIG_SIZE);
	rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 1);
	rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0x100, -1);
	rig_send(&rig, VHOST_USER_SET_VRING_ADDR, 1,
		 &(struct vhost_user_vring_addr){ .desc = RIG_UADDR,
		 .used = RIG_UADDR + 0x1000, .avail = RIG_UADDR + 0x2000 },
		 40, NULL, 0);
	rig_expect_gone(&rig, -ECANCELED);
}
END_TEST

/* With a time-out of 1 ns every check of the clock would end the session. */
START_TEST(b1_35_partial_message_behind_a_waiting_one_is_not_a_stall)
{
	static const struct {
		struct vhost_user_header stop;
		struct vhost_user_vring_state ring;
		struct vhost_user_header half;
		uint64_t status;
	} bytes = { { VHOST_USER_GET_VRING_BASE, 1, 8 }, { 0, 0 },
		    { VHOST_USER_SET_STATUS, 1, 8 }, 1 };
	const size_t first = sizeof(bytes) - 4;
	struct rig_reply reply;
	int i;

	rig_prepare(&rig);
	rig.config.stall_ns = 1;
	rig_start(&rig);
	rig_up(&rig);
	rig.holds_answers = true;
	rig_send_raw(&rig, &bytes, first, NULL, 0);
	for (i = 0; i < 1000; i++)
		ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), 0);
	/* the rest arrives before the owner's answer */
	rig_send_raw(&rig, (const char *)&bytes + first, 4, NULL, 0);
	vhost_user_backend_done(rig.b, rig.token);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.request, VHOST_USER_GET_VRING_BASE);
	ck_assert_uint_eq(rig.status, 1);
	rig.holds_answers = false;
}
END_TEST

/* another thread */

struct answerer {
	struct rig *r;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t asked;
	uint64_t token;		/* 0: no quiesce is waiting */
	bool stop;
};

static void *answer(void *arg)
{
	struct answerer *a = arg;
	uint64_t token;

	pthread_mutex_lock(&a->lock);
	while (!a->stop || a->token) {
		if (!a->token) {
			pthread_cond_wait(&a->asked, &a->lock);
			continue;
		}
		token = a->token;
		a->token = 0;
		pthread_mutex_unlock(&a->lock);
		/* the ring's thread has finished, and calls done() */
		vhost_user_backend_done(a->r->b, token);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static struct answerer answerer = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.asked = PTHREAD_COND_INITIALIZER,
};

static void quiesce_elsewhere(void *opaque, uint32_t ring, bool drain,
			      uint64_t token)
{
	struct rig *r = opaque;
	uint32_t i;

	(void)drain;
	for (i = 0; i < RIG_RINGS; i++)
		if (ring == VHOST_USER_ALL_RINGS || ring == i)
			r->running[i] = false;
	pthread_mutex_lock(&answerer.lock);
	answerer.token = token;
	pthread_cond_signal(&answerer.asked);
	pthread_mutex_unlock(&answerer.lock);
}

static void gone_elsewhere(void *opaque, const struct vsu_error *err)
{
	struct rig *r = opaque;
	struct vhost_user_backend *b = r->b;

	r->gones++;
	r->why = *err;
	r->b = NULL;
	vhost_user_backend_free(b);
}

/* Dispatches like an owner until a reply has arrived. */
static void wait_for_reply(struct rig *r, struct rig_reply *reply)
{
	struct pollfd p = { .fd = vhost_user_backend_fd(r->b),
			    .events = POLLIN };

	while (!rig_reply(r, reply)) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		ck_assert_int_ge(vhost_user_backend_dispatch(r->b), 0);
	}
}

static void wait_for_gone(struct rig *r)
{
	struct pollfd p = { .fd = vhost_user_backend_fd(r->b),
			    .events = POLLIN };

	while (r->b) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		vhost_user_backend_dispatch(r->b);
	}
}

/*
 * Replaces CALL while another thread answers the quiesce; the session then ends
 * in the same way.
 */
static void one_threaded_session(struct answerer *a, int rounds)
{
	uint64_t nofd = 0x100;
	struct rig_reply reply;
	struct rig r;
	int i;

	rig_prepare(&r);
	rig_start(&r);
	rig_up(&r);
	vhost_user_backend_close(r.b);	/* reopened below with other ops */
	ck_assert_ptr_null(r.b);
	vsu_fd_close(&r.sock);
	r.gones = 0;
	memset(r.mem, 0, RIG_MEMORY);
	r.ops.quiesce = quiesce_elsewhere;
	r.ops.gone = gone_elsewhere;
	a->r = &r;
	rig_start(&r);
	rig_up(&r);
	for (i = 0; i < rounds; i++) {
		rig_send(&r, VHOST_USER_SET_VRING_CALL, RIG_NEED, &nofd, 8,
			 NULL, 0);
		wait_for_reply(&r, &reply);
		ck_assert_uint_eq(reply.payload[0], 0);
		ck_assert(r.running[0]);
	}
	vsu_fd_close(&r.sock);
	wait_for_gone(&r);
	rig_fini(&r);
}

START_TEST(done_may_be_called_from_another_thread)
{
	int i;

	ck_assert_int_eq(pthread_create(&answerer.thread, NULL, answer,
					&answerer), 0);
	for (i = 0; i < 20; i++)
		one_threaded_session(&answerer, 50);
	pthread_mutex_lock(&answerer.lock);
	answerer.stop = true;
	pthread_cond_signal(&answerer.asked);
	pthread_mutex_unlock(&answerer.lock);
	pthread_join(answerer.thread, NULL);
}
END_TEST

/* stalled peers */

static void wait_readable(struct rig *r)
{
	struct pollfd p = { .fd = vhost_user_backend_fd(r->b),
			    .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

START_TEST(b5_01_peer_that_stalls_inside_a_message_is_disconnected)
{
	static const unsigned char half[6];

	rig_prepare(&rig);
	rig.config.stall_ns = 1000000;
	rig_start(&rig);
	rig_send_raw(&rig, "\1", 1, NULL, 0);
	rig_send_raw(&rig, half, sizeof(half), &rig.memfd, 1);
	ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), 0);
	wait_readable(&rig);
	rig_expect_gone(&rig, -ETIMEDOUT);
}
END_TEST

START_TEST(b5_01_idle_peer_stays_connected)
{
	struct pollfd p = { .events = POLLIN };

	rig_prepare(&rig);
	rig.config.stall_ns = 1;
	rig_start(&rig);
	ck_assert_uint_ne(rig_get_u64(&rig, VHOST_USER_GET_FEATURES), 0);
	p.fd = vhost_user_backend_fd(rig.b);
	ck_assert_int_eq(poll(&p, 1, 5), 0);	/* no timer is running */
	ck_assert_int_eq(vhost_user_backend_dispatch(rig.b), 0);
}
END_TEST

/* Requests replies without reading them until dispatch fails. */
static int flood(struct rig *r)
{
	struct vhost_user_config c = { 0, RIG_CONFIG, 0 };
	int rc = 0, i;

	for (i = 0; i < 20000 && rc >= 0; i++) {
		rig_send(r, VHOST_USER_GET_CONFIG, 1, &c, sizeof(c), NULL, 0);
		rc = vhost_user_backend_dispatch(r->b);
	}
	return rc;
}

START_TEST(b5_02_peer_that_never_reads_is_disconnected_at_a_limit)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_int_eq(flood(&rig), -ENOSPC);
	ck_assert_int_eq(rig.why.code, -ENOSPC);
}
END_TEST

START_TEST(b5_02_peer_that_never_reads_is_disconnected_at_its_deadline)
{
	struct vhost_user_config c = { 0, RIG_CONFIG, 0 };
	int small = 1, rc = 0;

	rig_prepare(&rig);
	rig.config.stall_ns = 1000000;
	rig_start(&rig);
	rig_negotiate(&rig);
	setsockopt(rig.sock, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	while (rc >= 0) {
		if (send(rig.sock, NULL, 0, MSG_DONTWAIT) == 0)
			rig_send(&rig, VHOST_USER_GET_CONFIG, 1, &c, sizeof(c),
				 NULL, 0);
		rc = vhost_user_backend_dispatch(rig.b);
	}
	ck_assert(rc == -ETIMEDOUT || rc == -ENOSPC);
}
END_TEST

START_TEST(b5_02_slow_reader_gets_every_reply)
{
	struct vhost_user_config c = { 0, RIG_CONFIG, 0 };
	struct rig_reply reply;
	unsigned int sent = 0, got = 0;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (sent = 0; sent < 3000; sent++) {
		rig_send(&rig, VHOST_USER_GET_CONFIG, 1, &c, sizeof(c), NULL, 0);
		ck_assert_int_ge(vhost_user_backend_dispatch(rig.b), 0);
		if (sent < 1000)
			continue;
		while (got < sent - 500 && rig_reply(&rig, &reply))
			got++;
	}
	while (got < sent) {
		ck_assert_int_ge(rig_dispatch(&rig), 0);
		ck_assert(rig_reply(&rig, &reply));
		ck_assert_uint_eq(reply.hdr.size, 12 + RIG_CONFIG);
		got++;
	}
	rig_expect_silence(&rig);
}
END_TEST

START_TEST(b5_03_half_closed_socket_ends_the_session)
{
	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 1);
	ck_assert_int_eq(shutdown(rig.sock, SHUT_WR), 0);
	rig_expect_gone(&rig, -ECONNRESET);
	ck_assert(rig.asked_drain);
}
END_TEST

START_TEST(b5_08_dispatch_handles_a_bounded_number_of_messages)
{
	struct rig_reply reply;
	int i, turns = 0;

	rig_init(&rig);
	for (i = 0; i < 200; i++)
		rig_send(&rig, VHOST_USER_GET_FEATURES, 1, NULL, 0, NULL, 0);
	while (vhost_user_backend_dispatch(rig.b) == 1)
		turns++;
	ck_assert_int_gt(turns, 3);
	for (i = 0; i < 200; i++)
		ck_assert(rig_reply(&rig, &reply));
}
END_TEST

START_TEST(b5_09_peer_lost_during_a_write_ends_the_session)
{
	signal(SIGPIPE, SIG_DFL);
	rig_init(&rig);
	rig_send(&rig, VHOST_USER_GET_FEATURES, 1, NULL, 0, NULL, 0);
	vsu_fd_close(&rig.sock);
	rig_expect_gone(&rig, -ECONNRESET);
}
END_TEST

/* sessions that end at any point */

/* Sends one message of a set-up; false after the last. */
static bool set_up_step(struct rig *r, int step)
{
	struct vhost_user_vring_addr addr = rig_addr(0);
	struct vhost_user_mem_reg reg = {
		.region = rig_region(4u << 20, 4096, 0) };
	struct vhost_user_mem_table t = { .nregions = 1,
		.regions = { rig_region(0, RIG_MEMORY, 0) } };
	struct vhost_user_vring_state num = { 0, RIG_SIZE }, on = { 0, 1 };
	uint64_t features = VQ_F_VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES;
	uint64_t protocol = VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS) |
			    VHOST_USER_PROTOCOL_BIT(REPLY_ACK);
	const struct {
		uint32_t request;
		const void *payload;
		uint32_t size;
		const int *fd;
	} steps[] = {
		{ VHOST_USER_GET_FEATURES, NULL, 0, NULL },
		{ VHOST_USER_SET_PROTOCOL_FEATURES, &protocol, 8, NULL },
		{ VHOST_USER_SET_FEATURES, &features, 8, NULL },
		{ VHOST_USER_SET_MEM_TABLE, &t, 40, &r->memfd },
		{ VHOST_USER_ADD_MEM_REG, &reg, 40, &r->memfd },
		{ VHOST_USER_SET_VRING_NUM, &num, 8, NULL },
		{ VHOST_USER_SET_VRING_BASE, &ring_0, 8, NULL },
		{ VHOST_USER_SET_VRING_ADDR, &addr, 40, NULL },
		{ VHOST_USER_SET_VRING_KICK, &ring_0, 8, &r->kick[0] },
		{ VHOST_USER_SET_VRING_CALL, &ring_0, 8, &r->call[0] },
		{ VHOST_USER_SET_VRING_ENABLE, &on, 8, NULL },
		{ VHOST_USER_REM_MEM_REG, &reg, 40, NULL },
		{ VHOST_USER_GET_VRING_BASE, &ring_0, 8, NULL },
	};

	if ((unsigned int)step >= sizeof(steps) / sizeof(steps[0]))
		return false;
	rig_send(r, steps[step].request, RIG_NEED, steps[step].payload,
		 steps[step].size, steps[step].fd, steps[step].fd != NULL);
	return true;
}

/* Disconnects after n messages, with replies read or unread. */
static bool cut_session(int n, bool read_all)
{
	bool more = true;
	struct rig r;
	int i;

	rig_init(&r);
	ck_assert_int_eq(pipe2(r.kick, O_CLOEXEC), 0);
	r.call[0] = memfd_create("not an event", MFD_CLOEXEC);
	for (i = 0; i < n && more; i++) {
		more = set_up_step(&r, i);
		if (read_all)
			ck_assert_int_ge(rig_dispatch(&r), 0);
	}
	vsu_fd_close(&r.sock);
	rig_expect_gone(&r, -ECONNRESET);
	rig_fini(&r);
	return more;
}

START_TEST(b5_04_session_may_end_after_any_message)
{
	int n;

	for (n = 0; cut_session(n, true); n++)
		cut_session(n, false);
	ck_assert_int_gt(n, 12);
}
END_TEST

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
#define HAVE_MALLINFO2
#endif
#endif

static size_t heap_in_use(void)
{
#ifdef HAVE_MALLINFO2
	return mallinfo2().uordblks;
#else
	return 0;
#endif
}

START_TEST(b5_04_many_interrupted_sessions_leak_nothing)
{
	const char *scale = getenv("TEST_SCALE");
	int rounds = scale && atof(scale) < 1 ? 20 : 100, i;
	size_t before;

	for (i = 0; i < 50; i++)	/* until the allocator's caches are filled */
		cut_session(i % 14, i & 1);
	before = heap_in_use();
	for (i = 0; i < rounds * 14; i++)
		cut_session(i % 14, i & 1);
	ck_assert_uint_eq(heap_in_use(), before);
}
END_TEST

START_TEST(b5_07_session_begins_without_state_of_the_previous_one)
{
	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	vsu_fd_close(&rig.sock);
	rig_expect_gone(&rig, -ECONNRESET);
	rig.gones = 0;
	rig_start(&rig);
	ck_assert_uint_eq(vhost_user_backend_features(rig.b), 0);
	ck_assert_uint_eq(vhost_user_priv_protocol_features(rig.b), 0);
	ck_assert_ptr_null(vmem_space_current(vhost_user_priv_space(rig.b)));
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_STATUS), 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 0);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	ck_assert(!rig.running[0]);
}
END_TEST

/* truncated memory */

static struct vmem_sigbus *sigbus_table;

static void on_sigbus(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(sigbus_table, info))
		signal(sig, SIG_DFL);
}

START_TEST(b2_08_truncated_memory_ends_the_session_and_not_the_process)
{
	struct sigaction act = { .sa_sigaction = on_sigbus,
				 .sa_flags = SA_SIGINFO };
	struct pollfd p = { .events = POLLIN };
	struct rig r;

	ck_assert_int_eq(vmem_sigbus_new(64, &sigbus_table, NULL), 0);
	ck_assert_int_eq(sigaction(SIGBUS, &act, NULL), 0);
	rig_prepare(&r);
	r.config.sigbus = sigbus_table;
	rig_start(&r);
	rig_up(&r);
	rig_offer(&r, 0, 1);
	ck_assert_int_eq(ftruncate(r.memfd, 0), 0);
	rig_serve(&r, 0);
	p.fd = vmem_sigbus_fd(sigbus_table);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert(vmem_map_failed(vmem_space_current(
			vhost_user_priv_space(r.b))));
	vhost_user_backend_close(r.b);
	rig_fini(&r);
	vmem_sigbus_free(sigbus_table);
}
END_TEST

static void add_ends(Suite *s)
{
	TCase *tc = rig_case_of(s, "ends", &rig);

	tcase_add_test(tc, b5_01_peer_that_stalls_inside_a_message_is_disconnected);
	tcase_add_test(tc, b5_01_idle_peer_stays_connected);
	tcase_add_test(tc, b5_02_peer_that_never_reads_is_disconnected_at_a_limit);
	tcase_add_test(tc, b5_02_peer_that_never_reads_is_disconnected_at_its_deadline);
	tcase_add_test(tc, b5_02_slow_reader_gets_every_reply);
	tcase_add_test(tc, b5_03_half_closed_socket_ends_the_session);
	tcase_add_test(tc, b5_04_session_may_end_after_any_message);
	tcase_add_test(tc, b5_04_many_interrupted_sessions_leak_nothing);
	tcase_add_test(tc, b5_07_session_begins_without_state_of_the_previous_one);
	tcase_add_test(tc, b5_08_dispatch_handles_a_bounded_number_of_messages);
	tcase_add_test(tc, b5_09_peer_lost_during_a_write_ends_the_session);
	tcase_add_test(tc, b2_08_truncated_memory_ends_the_session_and_not_the_process);
}

int main(void)
{
	Suite *s = suite_create("backend-life");
	TCase *tc = rig_case_of(s, "answers", &rig);

	tcase_add_test(tc, nothing_is_read_while_a_message_waits_for_the_owner);
	tcase_add_test(tc, done_with_another_token_is_ignored);
	tcase_add_test(tc, hang_up_during_a_quiesce_waits_for_done);
	tcase_add_test(tc, socket_of_another_process_does_not_wake_an_ended_session);
	tcase_add_test(tc, ended_session_does_not_spin);
	tcase_add_test(tc, waiting_session_does_not_spin);
	tcase_add_test(tc, b1_35_partial_message_behind_a_waiting_one_is_not_a_stall);
	tcase_add_loop_test(tc, close_drains_rings_before_gone,
			    0, 2);
	tcase_add_test(tc, close_inside_a_callback_takes_effect_after_it);
	tcase_add_test(tc, done_may_be_called_from_another_thread);
	add_ends(s);
	return run_suite(s);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about requests that are passed to the back-end's device, and about the
 * switch of the dirty log.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../front_rig.h"
#include "../suite.h"

#define P(name) VHOST_USER_PROTOCOL_BIT(name)
#define REPLY (VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY)
#define LOG_SIZE 4096u

static unsigned int logs, sessions, moves, moved;
static int64_t session_id;
static int move_result, moved_result;
static bool move_fd;

static void on_log(void *opaque) { (void)opaque; logs++; }

static void on_session(void *opaque, int64_t id)
{
	(void)opaque;
	sessions++;
	session_id = id;
}

static void on_moves(void *opaque, int result, int fd)
{
	(void)opaque;
	moves++;
	move_result = result;
	move_fd = fd >= 0;
}

static void on_moved(void *opaque, int result)
{
	(void)opaque;
	moved++;
	moved_result = result;
}

static void setup_device(void)
{
	setup();
	logs = sessions = moves = moved = 0;
	front_ops.log = on_log;
	front_ops.session = on_session;
	front_ops.state_moves = on_moves;
	front_ops.state_moved = on_moved;
	peer.protocol |= P(RARP) | P(NET_MTU) | P(CRYPTO_SESSION) |
			 P(DEVICE_STATE);
	peer.features |= VHOST_USER_F_LOG_ALL;
}

/* The last message was this one, and its payload begins with these bytes. */
static void expect(uint32_t request, uint32_t size, const void *head,
		   size_t len, unsigned int nfds)
{
	dispatch_both();
	ck_assert_uint_eq(peer.last.hdr.request, request);
	ck_assert_uint_eq(peer.last.hdr.size, size);
	ck_assert_mem_eq(peer.last.payload, head, len);
	ck_assert_uint_eq(peer.last.nfds, nfds);
}

START_TEST(rarp_carries_the_address_in_its_first_six_bytes)
{
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_announce(fe,
			 (const unsigned char *)"\x52\x54\x00\x12\x34\x56",
			 NULL), 0);
	expect(VHOST_USER_SEND_RARP, 8, "\x52\x54\x00\x12\x34\x56\x00\x00", 8,
	       0);
}
END_TEST

START_TEST(mtu_is_sent_and_its_refusal_reported)
{
	const uint64_t word = 9000;

	deviate(PEER_REFUSE, VHOST_USER_NET_SET_MTU);
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_set_mtu(fe, 9000, NULL), 0);
	expect(VHOST_USER_NET_SET_MTU, 8, &word, 8, 0);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert_ptr_nonnull(strstr(notified.refusal.msg, "NET_SET_MTU"));
	ck_assert_uint_eq(notified.refusal.arg, VHOST_USER_NET_SET_MTU);
	ck_assert_uint_eq(notified.refusal.got, 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(request_without_its_feature_is_not_sent)
{
	struct vsu_error err = VSU_ERROR_INIT;

	peer.protocol &= ~(P(RARP) | P(DEVICE_STATE));
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_announce(fe,
			 (const unsigned char *)"123456", &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "RARP"));
	ck_assert_int_eq(vhost_user_frontend_check_state(fe, &err),
			 -EOPNOTSUPP);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SEND_RARP), 0);
}
END_TEST

static void open_crypto(void)
{
	struct vhost_user_crypto_session sent;

	become_ready();
	ck_assert_int_eq(vhost_user_frontend_open_session(fe, 2, "key", 3,
							  NULL), 0);
	memset(&sent, 0, sizeof(sent));
	sent.op_code = 2;
	memcpy(sent.parameters, "key", 3);
	expect(VHOST_USER_CREATE_CRYPTO_SESSION, 1072, &sent, 12, 0);
}

START_TEST(crypto_session_is_opened_and_closed_by_its_id)
{
	struct vhost_user_crypto_session s = { .session_id = 5 };
	const uint64_t five = 5;

	open_crypto();
	peer_send(&peer, VHOST_USER_CREATE_CRYPTO_SESSION, REPLY, &s,
		  sizeof(s), -1);
	dispatch_both();
	ck_assert_uint_eq(sessions, 1);
	ck_assert_int_eq(session_id, 5);
	ck_assert_int_eq(vhost_user_frontend_close_session(fe, 5, NULL), 0);
	expect(VHOST_USER_CLOSE_CRYPTO_SESSION, 8, &five, 8, 0);
}
END_TEST

static int no_back_end(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	return vsu_error_set(err, -ECONNREFUSED, "no back-end");
}

static void ignore_back(void *opaque, bool rings_lost)
{
	(void)opaque;
	(void)rings_lost;
}

START_TEST(crypto_session_of_a_lost_back_end_fails)
{
	front_ops.connect = no_back_end;
	front_ops.back = ignore_back;
	config.reconnect_ns = 1;
	open_crypto();
	vsu_fd_close(&peer.sock);
	vsu_fd_close(&peer.back);
	vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(sessions, 1);
	ck_assert_int_eq(session_id, -ECONNRESET);
}
END_TEST

START_TEST(refused_crypto_session_has_no_id)
{
	open_crypto();
	peer_send(&peer, VHOST_USER_CREATE_CRYPTO_SESSION, REPLY, NULL, 0, -1);
	dispatch_both();
	ck_assert_uint_eq(sessions, 1);
	ck_assert_int_eq(session_id, -EPROTO);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(gpu_socket_is_sent)
{
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_set_gpu_socket(fe, pair[0], NULL),
			 0);
	expect(VHOST_USER_GPU_SET_SOCKET, 0, "", 0, 1);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* Requests a save; the peer replies with this word and descriptor. */
static void move(uint64_t word, int fd)
{
	const uint64_t save = 0;

	become_ready();
	ck_assert_int_eq(vhost_user_frontend_move_state(fe, false, kick_fd,
							NULL), 0);
	expect(VHOST_USER_SET_DEVICE_STATE_FD, 8, &save, 8, 1);
	peer_send(&peer, VHOST_USER_SET_DEVICE_STATE_FD, REPLY, &word, 8, fd);
	dispatch_both();
}

static const struct {
	uint64_t word;
	bool fd;
	int result;
	bool other;
} answers[] = {
	{ 0x100, false, 0, false },
	{ 0x000, true, 0, true },
	{ 0x101, false, -EREMOTEIO, false },
	{ 0x001, false, -EREMOTEIO, false },
};

START_TEST(transfer_uses_the_descriptor_selected_by_the_reply)
{
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	move(answers[_i].word, answers[_i].fd ? pipes[_i % 2] : -1);
	vsu_fd_close(&pipes[0]);
	vsu_fd_close(&pipes[1]);
	ck_assert_uint_eq(moves, 1);
	ck_assert_int_eq(move_result, answers[_i].result);
	ck_assert(move_fd == answers[_i].other);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(c1_04_missing_descriptor_of_a_reply_ends_the_session)
{
	move(0, -1);
	assert_dead(-EBADMSG, "has none");
}
END_TEST

/* Reading it could wait for a page of the back-end's memory. */
START_TEST(stream_that_may_block_the_reader_ends_the_session)
{
	int fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	move(0, fd);
	close(fd);
	assert_dead(-EBADMSG, "a pipe is needed");
	ck_assert_uint_eq(moves, 0);
}
END_TEST

START_TEST(reply_to_the_check_is_the_result_of_the_transfer)
{
	const uint64_t word = _i ? 1 : 0;

	become_ready();
	ck_assert_int_eq(vhost_user_frontend_check_state(fe, NULL), 0);
	dispatch_both();
	peer_send(&peer, VHOST_USER_CHECK_DEVICE_STATE, REPLY, &word, 8, -1);
	dispatch_both();
	ck_assert_uint_eq(moved, 1);
	ck_assert_int_eq(moved_result, _i ? -EREMOTEIO : 0);
	ck_assert_uint_eq(notified.refused, 0);
}
END_TEST

START_TEST(transfer_is_refused_while_rings_run)
{
	struct vsu_error err = VSU_ERROR_INIT;

	run();
	ck_assert_int_eq(vhost_user_frontend_move_state(fe, false, kick_fd,
							&err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "stopped"));
}
END_TEST

/* --------------------------------------------------------- host notifiers */

static int no_notifier(void *opaque, uint32_t ring, int fd, uint64_t offset)
{
	(void)opaque;
	(void)ring;
	(void)fd;
	(void)offset;
	ck_abort_msg("an invalid notifier reached the owner");
}

static const struct vhost_user_vring_area bad_areas[] = {
	{ NRINGS, 0, 0 },		/* no such ring; a size of 0 means a page */
	{ UINT64_C(1) << 32, 0, 0 },
	{ 0, 100, 0 }, { 0, UINT64_MAX, 0 }, { 0, 0, 8 },
	{ 0, 0, UINT64_MAX - 4095 },
};

START_TEST(c2_29_notifier_of_unknown_ring_or_partial_page_is_refused)
{
	static const struct vhost_user_frontend_device_ops ops = {
		.size = sizeof(ops), .host_notifier = no_notifier,
	};
	struct vhost_user_vring_area area = bad_areas[_i];
	int fd = new_memfd(1 << 20);

	if (!area.size)
		area.size = (uint64_t)sysconf(_SC_PAGESIZE);
	front_ops.device = &ops;
	peer.protocol |= P(BACKEND_SEND_FD) | P(HOST_NOTIFIER);
	run();
	peer_ask(&peer, VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG,
		 VHOST_USER_HDR_NEED_REPLY, &area, sizeof(area), fd);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	front_ops.device = NULL;
	close(fd);
}
END_TEST

/*
 * A back-end must not send IOTLB_MSG of a front-end (22), nor update or
 * invalidate (2 and 3).
 */
START_TEST(c2_30_misses_without_the_feature_and_front_end_requests_are_refused)
{
	struct vhost_user_iotlb miss = {
		UINT64_MAX - 4095, 0, 0, 3, VHOST_USER_IOTLB_MISS, { 0 }
	};
	unsigned int i;
	int fds;

	run();
	fds = vsu_fd_count();
	for (i = 0; i < 1000; i++) {
		miss.type = i & 1 ? VHOST_USER_IOTLB_MISS :
				    VHOST_USER_IOTLB_UPDATE;
		peer_ask(&peer, i % 3 ? VHOST_USER_BACKEND_IOTLB_MSG :
					VHOST_USER_IOTLB_MSG,
			 VHOST_USER_HDR_NEED_REPLY, &miss, sizeof(miss), -1);
		dispatch_both();
		ck_assert_int_eq(peer_answer(&peer), 1);
		ck_assert_uint_eq(notified.refused, i + 1);
	}
	ck_assert_int_eq(vsu_fd_count(), fds);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_IOTLB_MSG), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* --------------------------------------------------------------------- log */

static void set_log(uint64_t size)
{
	int fd = new_memfd(LOG_SIZE);

	ck_assert_int_eq(vhost_user_frontend_set_log(fe, fd, size, 0, NULL),
			 0);
	close(fd);
}

/*
 * Flags of the last SET_VRING_ADDR, recorded while both sides are dispatched.
 */
static uint32_t ring_flags;

static void watch_rings(void)
{
	bool busy = true;

	ring_flags = UINT32_MAX;
	while (busy) {
		busy = peer_step(&peer);
		if (busy && peer.last.hdr.request == VHOST_USER_SET_VRING_ADDR)
			memcpy(&ring_flags, peer.last.payload + 4, 4);
		if (busy && peer.last.hdr.request == VHOST_USER_SET_LOG_BASE)
			peer_send(&peer, VHOST_USER_SET_LOG_BASE, REPLY,
				  peer.last.payload, 16, -1);
		if (readable(vhost_user_frontend_fd(fe))) {
			vhost_user_frontend_dispatch(fe);
			busy = true;
		}
	}
}

START_TEST(log_is_sent_before_logging_is_enabled)
{
	run();
	set_log(LOG_SIZE);
	watch_rings();
	ck_assert_uint_eq(logs, 1);
	ck_assert_uint_eq(peer.set_features & VHOST_USER_F_LOG_ALL,
			  VHOST_USER_F_LOG_ALL);
	ck_assert_uint_eq(ring_flags, VHOST_USER_VRING_F_LOG);
	ck_assert_int_eq(vhost_user_frontend_set_log(fe, -1, 0, 0, NULL), 0);
	watch_rings();
	ck_assert_uint_eq(logs, 2);
	ck_assert_uint_eq(peer.set_features & VHOST_USER_F_LOG_ALL, 0);
	ck_assert_uint_eq(ring_flags, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_LOG_BASE), 1);
}
END_TEST

START_TEST(log_set_earlier_is_part_of_the_start)
{
	become_ready();
	set_log(LOG_SIZE);
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(NRINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	watch_rings();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_lt(peer_first(&peer, VHOST_USER_ADD_MEM_REG),
			  peer_first(&peer, VHOST_USER_SET_LOG_BASE));
	ck_assert_uint_lt(peer_first(&peer, VHOST_USER_SET_LOG_BASE),
			  peer_first(&peer, VHOST_USER_SET_VRING_NUM));
	ck_assert_uint_eq(peer.log[peer_first(&peer, VHOST_USER_SET_LOG_BASE) + 1],
			  VHOST_USER_SET_FEATURES);
	ck_assert_uint_ne(peer.set_features & VHOST_USER_F_LOG_ALL, 0);
	ck_assert_uint_eq(ring_flags, VHOST_USER_VRING_F_LOG);
}
END_TEST

START_TEST(e2_08_short_log_and_log_change_while_pending_are_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;

	run();
	ck_assert_int_eq(vhost_user_frontend_set_log(fe, kick_fd, 31, 0, &err),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "needs 32"));
	ck_assert_uint_eq(err.arg, VHOST_USER_SET_LOG_BASE);
	ck_assert_uint_eq(err.got, 31);
	ck_assert_uint_eq(err.limit, 32);
	ck_assert_int_eq(vhost_user_frontend_set_log(fe, kick_fd, 32, 0, NULL),
			 0);
	ck_assert_int_eq(vhost_user_frontend_set_log(fe, kick_fd, 32, 0, NULL),
			 -EBUSY);
}
END_TEST

START_TEST(e2_08_memory_above_the_log_waits_for_a_longer_one)
{
	struct vsu_error err = VSU_ERROR_INIT;

	run();
	set_log(32);
	watch_rings();
	grow_map(MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "set a longer log"));
	ck_assert_uint_eq(err.got, 32);
	ck_assert_uint_eq(err.limit, 64);
	set_log(64);
	watch_rings();
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_set_log(fe, -1, 0, 0, NULL),
			 -EBUSY);
}
END_TEST

START_TEST(log_is_refused_without_back_end_support)
{
	peer.features &= ~VHOST_USER_F_LOG_ALL;
	run();
	ck_assert_int_eq(vhost_user_frontend_set_log(fe, kick_fd, LOG_SIZE, 0,
						     NULL), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost front-end device");
	TCase *tc = tcase_create("device");

	tcase_add_checked_fixture(tc, setup_device, teardown);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, rarp_carries_the_address_in_its_first_six_bytes);
	tcase_add_test(tc, mtu_is_sent_and_its_refusal_reported);
	tcase_add_test(tc, request_without_its_feature_is_not_sent);
	tcase_add_test(tc, crypto_session_is_opened_and_closed_by_its_id);
	tcase_add_test(tc, crypto_session_of_a_lost_back_end_fails);
	tcase_add_test(tc, refused_crypto_session_has_no_id);
	tcase_add_test(tc, gpu_socket_is_sent);
	tcase_add_loop_test(tc, transfer_uses_the_descriptor_selected_by_the_reply,
			    0, COUNT(answers));
	tcase_add_test(tc, stream_that_may_block_the_reader_ends_the_session);
	tcase_add_test(tc, c1_04_missing_descriptor_of_a_reply_ends_the_session);
	tcase_add_loop_test(tc, reply_to_the_check_is_the_result_of_the_transfer, 0, 2);
	tcase_add_test(tc, transfer_is_refused_while_rings_run);
	tcase_add_loop_test(tc, c2_29_notifier_of_unknown_ring_or_partial_page_is_refused,
			    0, COUNT(bad_areas));
	tcase_add_test(tc, c2_30_misses_without_the_feature_and_front_end_requests_are_refused);
	tcase_add_test(tc, log_is_sent_before_logging_is_enabled);
	tcase_add_test(tc, log_set_earlier_is_part_of_the_start);
	tcase_add_test(tc, e2_08_short_log_and_log_change_while_pending_are_refused);
	tcase_add_test(tc, e2_08_memory_above_the_log_waits_for_a_longer_one);
	tcase_add_test(tc, log_is_refused_without_back_end_support);
	return run_suite(s);
}

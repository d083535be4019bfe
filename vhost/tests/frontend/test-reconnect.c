/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a back-end that is lost and comes back: the state is replayed,
 * no fewer features are accepted, rings continue where their position is known,
 * and a connection may break at any message.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../front_rig.h"
#include "../suite.h"

#define P(name) VHOST_USER_PROTOCOL_BIT(name)
#define IN_ORDER (UINT64_C(1) << 35)
#define USED_AT 0x3002u
#define PAGE UINT64_C(4096)

/* Properties of the next back-end, and calls of the owner's ops. */
static struct peer next;
static unsigned int connects, refusals_left, lost, back;
static bool rings_lost;
static int cut_at;		/* message at which the next connection breaks; 0: none */
static struct vsu_error lost_why;

/* Connects a new back-end with the properties in next. */
static int on_connect(void *opaque, struct vsu_error *err)
{
	int pair[2], inflight = peer.inflight;

	(void)opaque;
	(void)err;
	connects++;
	if (refusals_left) {
		refusals_left--;
		return -ECONNREFUSED;
	}
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer_fini(&peer);
	peer = next;
	peer.sock = pair[1];
	peer.inflight = inflight;
	if (cut_at) {
		peer.deviation = PEER_HANG_UP;
		peer.deviation_count = (unsigned int)cut_at;
		cut_at = 0;
	}
	return pair[0];
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	lost++;
	lost_why = *err;
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_AWAY);
}

static void on_back(void *opaque, bool rings)
{
	(void)opaque;
	back++;
	rings_lost = rings;
	ck_assert_int_ne(state(), VHOST_USER_FRONTEND_AWAY);
}

static void setup_return(void)
{
	setup();
	connects = refusals_left = lost = back = 0;
	rings_lost = false;
	cut_at = 0;
	front_ops.connect = on_connect;
	front_ops.lost = on_lost;
	front_ops.back = on_back;
	config.reconnect_ns = 1;
	peer.protocol |= P(INFLIGHT_SHMFD) | P(RESET_DEVICE);
	peer.features |= IN_ORDER;
	next = peer;
	peer.inflight = new_memfd(4096);
}

static void teardown_return(void)
{
	vsu_fd_close(&peer.inflight);
	teardown();
}

static void hang_up(void)
{
	close(peer.sock);
	peer.sock = -1;
	if (peer.back >= 0)
		close(peer.back);
	peer.back = -1;
}

/* Dispatches until no side makes progress; waits for the pause before an attempt, however short. */
static void dispatch_until_back(void)
{
	struct pollfd p = { vhost_user_frontend_fd(fe), POLLIN, 0 };

	dispatch_both();
	while (state() == VHOST_USER_FRONTEND_AWAY) {
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		dispatch_both();
	}
}

/* The back-end hangs up, and another one takes its place. */
static void kill_peer(void)
{
	hang_up();
	dispatch_until_back();
}

static void set_used(uint16_t value)
{
	ck_assert_int_eq(vmem_store_u16(vmem_map_view(map), USED_AT, vsu_le16_make(value).raw,
					__ATOMIC_RELEASE), 0);
}

/* The last base that was sent to the back-end for a ring. */
static uint32_t last_base;

static void note_bases(void)
{
	struct vhost_user_vring_state s;

	last_base = UINT32_MAX;
	while (readable(vhost_user_frontend_fd(fe)) || peer.sock >= 0) {
		bool busy = peer_step(&peer);

		if (busy && peer.last.hdr.request == VHOST_USER_SET_VRING_BASE) {
			memcpy(&s, peer.last.payload, sizeof(s));
			last_base = s.num;
		}
		if (readable(vhost_user_frontend_fd(fe))) {
			vhost_user_frontend_dispatch(fe);
			busy = true;
		}
		if (!busy)
			break;
	}
}

START_TEST(rings_continue_with_the_area_of_the_previous_back_end)
{
	run();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD), 1);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_INFLIGHT_FD), 1);
	ck_assert_uint_lt(peer_first(&peer, VHOST_USER_SET_INFLIGHT_FD),
			  peer_first(&peer, VHOST_USER_SET_VRING_NUM));
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(back, 1);
	ck_assert(!rings_lost);
	ck_assert_uint_eq(notified.started, 1);
	ck_assert_uint_eq(notified.failed, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_INFLIGHT_FD), 1);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_KICK), NRINGS);
}
END_TEST

START_TEST(base_is_the_used_index_of_the_ring)
{
	run();
	set_used(41);
	hang_up();
	note_bases();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(last_base, 41);
}
END_TEST

/* Starts rings of which a replacement back-end cannot know the completed requests. */
static void run_without_area(uint64_t features)
{
	peer.protocol &= ~P(INFLIGHT_SHMFD);
	next.protocol &= ~P(INFLIGHT_SHMFD);
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(NRINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, features, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}

START_TEST(c1_16_rings_without_an_area_continue_only_with_in_order)
{
	run_without_area(_i ? VERSION_1 | IN_ORDER : VERSION_1);
	kill_peer();
	ck_assert_uint_eq(back, 1);
	ck_assert(rings_lost == !_i);
	ck_assert_int_eq(state(), _i ? VHOST_USER_FRONTEND_RUNNING :
				       VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(attempts_are_repeated_until_one_succeeds)
{
	run();
	refusals_left = 40;
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(connects, 41);
	ck_assert_uint_eq(lost, 1);
	ck_assert_uint_eq(back, 1);
}
END_TEST

static void wait_for_attempt(void)
{
	struct pollfd p = { vhost_user_frontend_fd(fe), POLLIN, 0 };

	while (!connects) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		vhost_user_frontend_dispatch(fe);
	}
}

/* The first attempt is immediate; the second one waits for the pause. */
START_TEST(maximum_pause_does_not_overflow)
{
	config.reconnect_ns = UINT64_MAX;
	run();
	refusals_left = 1;
	hang_up();
	wait_for_attempt();
	vhost_user_frontend_dispatch(fe);
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	ck_assert_uint_eq(connects, 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_AWAY);
}
END_TEST

START_TEST(first_attempt_is_made_without_a_pause)
{
	config.reconnect_ns = UINT64_MAX;
	run();
	hang_up();
	wait_for_attempt();
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* A back-end that dies at each start must not keep the front-end busy. */
START_TEST(back_end_that_dies_again_is_reconnected_after_a_pause)
{
	config.reconnect_ns = UINT64_MAX;
	run();
	hang_up();
	wait_for_attempt();
	dispatch_both();
	hang_up();
	dispatch_both();
	ck_assert_uint_eq(lost, 2);
	ck_assert_uint_eq(connects, 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_AWAY);
}
END_TEST

START_TEST(session_that_was_ready_comes_back_ready)
{
	become_ready();
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.ready, 1);
	ck_assert_uint_eq(back, 1);
	ck_assert(!rings_lost);
}
END_TEST

START_TEST(failed_first_handshake_is_final)
{
	peer.deviation = PEER_HANG_UP;
	peer.deviation_count = 3;
	become_ready();
	assert_dead(-ECONNRESET, "hung up");
	ck_assert_uint_eq(connects, 0);
}
END_TEST

START_TEST(session_ended_by_its_owner_is_not_reconnected)
{
	struct vsu_error why = VSU_ERROR_INIT;

	run();
	vsu_error_set(&why, -ECANCELED, "enough");
	vhost_user_frontend_fail(fe, &why);
	dispatch_both();
	assert_dead(-ECANCELED, "enough");
	ck_assert_uint_eq(connects, 0);
}
END_TEST

/* Ways in which the next back-end offers less. */
static void lack_feature(void) { next.features &= ~(UINT64_C(1) << 9); }
static void lack_config(void) { next.protocol &= ~P(CONFIG); }
static void lack_area(void) { next.protocol &= ~P(INFLIGHT_SHMFD); }
static void lack_queues(void) { next.queue_num = 3; }
static void lack_slots(void) { next.max_slots = 508; }

static const struct {
	void (*lack)(void);
	const char *words;
} lacks[] = {
	{ lack_feature, "features 0x200" },
	{ lack_config, "CONFIG" },
	{ lack_area, "INFLIGHT_SHMFD" },
	{ lack_queues, "3 queues" },
	{ lack_slots, "508 regions of memory" },
};

static void dispatch_until_refused(void)
{
	while (!notified.refused) {
		peer_step(&peer);
		if (readable(vhost_user_frontend_fd(fe)))
			vhost_user_frontend_dispatch(fe);
	}
}

START_TEST(c1_07_back_end_that_offers_less_is_refused)
{
	struct peer full;

	run();
	full = next;
	lacks[_i].lack();
	hang_up();
	dispatch_until_refused();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_AWAY);
	ck_assert_msg(strstr(notified.refusal.msg, lacks[_i].words), "%s",
		      notified.refusal.msg);
	ck_assert_uint_eq(back, 0);
	next = full;
	dispatch_until_back();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(back, 1);
}
END_TEST

/* The last request that the previous back-end accepted does not belong to the next one. */
START_TEST(hang_up_of_the_next_back_end_names_its_own_requests_only)
{
	run();
	cut_at = 1;
	kill_peer();
	ck_assert_uint_eq(back, 1);
	ck_assert_str_eq(notified.refusal.msg, "'/run/disk': the back-end hung up instead of replying to GET_FEATURES");
}
END_TEST

static void shmem_nothing(struct vhost_user_shmem_change *changes, unsigned int n)
{
	(void)changes;
	(void)n;
}

/* Windows of the next back-end: larger, at another number, one more, none. */
static const struct { uint8_t shmid; uint64_t size; uint32_t n; } windows[] = {
	{ 0, 8 * PAGE, 1 }, { 0, 2 * PAGE, 1 }, { 3, 4 * PAGE, 2 }, { 0, 0, 0 },
};

START_TEST(c1_07_back_end_with_other_windows_is_refused)
{
	struct peer full;

	on_changes = shmem_nothing;
	peer.protocol |= P(BACKEND_SEND_FD) | P(SHMEM);
	peer.shmem.nregions = 1;
	peer.shmem.sizes[0] = 4 * PAGE;
	next.protocol = peer.protocol;
	next.shmem = peer.shmem;
	full = next;
	next.shmem.nregions = windows[_i].n;
	next.shmem.sizes[windows[_i].shmid] = windows[_i].size;
	run();
	hang_up();
	dispatch_until_refused();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_AWAY);
	ck_assert_ptr_nonnull(strstr(notified.refusal.msg, "the previous back-end's had"));
	ck_assert_uint_eq(back, 0);
	next = full;
	dispatch_until_back();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(fe, 0), 4 * PAGE);
}
END_TEST

/* More messages than a handshake and a start have. */
#define MESSAGES 40

START_TEST(c1_13_connection_may_break_at_any_message)
{
	run();
	cut_at = _i;
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(lost, connects > 1 && peer.n > MESSAGES ? 2 : lost);
	ck_assert_uint_ge(back, 1);
	ck_assert_uint_eq(notified.failed, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_KICK), NRINGS);
	ck_assert_uint_eq(notified.started, 1);
}
END_TEST

START_TEST(c1_13_interrupted_start_is_repeated_with_the_next_back_end)
{
	peer.deviation = PEER_HANG_UP;
	begin_start();
	peer.deviation_count = peer.n + (unsigned int)_i;
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(notified.started, 1);
	ck_assert_uint_eq(notified.failed, 0);
}
END_TEST

/* The back-end is lost, and connecting fails. */
static void lose_back_end(void)
{
	run();
	refusals_left = UINT32_MAX;
	hang_up();
	while (connects < 2)
		vhost_user_frontend_dispatch(fe);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_AWAY);
}

START_TEST(rings_can_be_stopped_while_disconnected)
{
	lose_back_end();
	set_used(19);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	ck_assert_uint_eq(notified.stopped, 0);
	vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(notified.stopped, 1);
	ck_assert_uint_eq(notified.bases[0], 19);
	ck_assert_int_ne(vhost_user_frontend_stop(fe, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	refusals_left = 0;
	dispatch_until_back();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert(!rings_lost);
}
END_TEST

/* The next back-end accepts the connection and sends nothing. */
START_TEST(rings_can_be_stopped_during_an_unanswered_handshake)
{
	lose_back_end();
	refusals_left = 0;
	while (connects < 3 || peer.sock < 0)
		vhost_user_frontend_dispatch(fe);
	while (readable(vhost_user_frontend_fd(fe)))
		vhost_user_frontend_dispatch(fe);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	ck_assert(readable(vhost_user_frontend_fd(fe)));
	vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(notified.stopped, 1);
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.stopped, 1);
}
END_TEST

START_TEST(interrupted_stop_completes)
{
	run();
	deviate(PEER_HANG_UP, VHOST_USER_GET_VRING_BASE);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.stopped, 1);
	ck_assert_uint_eq(back, 1);
}
END_TEST

START_TEST(c1_15_start_while_disconnected_is_refused)
{
	become_ready();
	refusals_left = UINT32_MAX;
	hang_up();
	while (connects < 2)
		vhost_user_frontend_dispatch(fe);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -ENOTCONN);
}
END_TEST

START_TEST(memory_set_while_disconnected_is_sent_to_the_next_back_end)
{
	lose_back_end();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	refusals_left = 0;
	dispatch_until_back();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 2);
}
END_TEST

/* Otherwise no replacement could ever start. */
START_TEST(memory_for_which_no_replacement_has_room_is_refused_while_disconnected)
{
	struct vsu_error err = VSU_ERROR_INIT;

	peer.max_slots = next.max_slots = 2;
	lose_back_end();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	grow_map(8 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "supports 2"));
	refusals_left = 0;
	dispatch_until_back();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 2);
}
END_TEST

/* The limit remains that of the first back-end, which others may offer again. */
START_TEST(back_end_with_more_slots_raises_no_limit)
{
	peer.max_slots = 2;
	run();
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(vhost_user_frontend_max_mem_slots(fe), 2);
	grow_map(4 * MIB, MIB);
	grow_map(8 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), -ENOSPC);
}
END_TEST

START_TEST(interrupted_memory_change_completes)
{
	run();
	deviate(PEER_HANG_UP, VHOST_USER_ADD_MEM_REG);
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 2);
}
END_TEST

/* Dispatches until the back-end has received the n-th request of this number. */
static void dispatch_until(uint32_t request, unsigned int n)
{
	while (peer_count(&peer, request) < n) {
		peer_step(&peer);
		if (readable(vhost_user_frontend_fd(fe)))
			vhost_user_frontend_dispatch(fe);
	}
}

/* The back-end accepts one region, refuses another, and is lost meanwhile. */
START_TEST(c1_06_interrupted_revert_reports_the_refusal)
{
	run();
	grow_map(4 * MIB, MIB);
	grow_map(8 * MIB, MIB);
	peer.deviation = PEER_REFUSE;
	peer.deviation_at = 0;
	peer.deviation_count = peer.n + 2;
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_until(VHOST_USER_ADD_MEM_REG, 3);
	deviate(PEER_HANG_UP, VHOST_USER_REM_MEM_REG);
	dispatch_both();
	ck_assert_uint_eq(back, 1);
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, -EPROTO);
	/* the previous map, as reported */
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

/* The change is not reverted yet: the replacement receives it. */
START_TEST(memory_change_interrupted_after_a_refusal_completes)
{
	run();
	grow_map(4 * MIB, MIB);
	grow_map(8 * MIB, MIB);
	deviate(PEER_REFUSE, VHOST_USER_ADD_MEM_REG);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_until(VHOST_USER_ADD_MEM_REG, 2);
	while (readable(vhost_user_frontend_fd(fe)))
		vhost_user_frontend_dispatch(fe);
	deviate(PEER_HANG_UP, VHOST_USER_ADD_MEM_REG);
	dispatch_both();
	ck_assert_uint_eq(back, 1);
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 3);
}
END_TEST

START_TEST(interrupted_read_of_configuration_completes)
{
	run();
	deviate(PEER_HANG_UP, VHOST_USER_GET_CONFIG);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config, 1);
	ck_assert_uint_eq(notified.config_len, 0);
	ck_assert_int_ne(vhost_user_frontend_get_config(fe, 0, 8, NULL),
			 -ENOTCONN);
}
END_TEST

static int keep(uint8_t writeback)
{
	return vhost_user_frontend_keep_config(fe, 32, &writeback, 1, NULL);
}

/* The write of 0 arrives after the features and before the rings. */
static void check_order(void)
{
	if (peer.last.hdr.request != VHOST_USER_SET_CONFIG)
		return;
	ck_assert_uint_eq(peer.last.payload[12], 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_FEATURES), 1);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_KICK), 0);
}

START_TEST(e3_21_kept_config_is_repeated_before_the_rings_run)
{
	run();
	ck_assert_int_eq(keep(1), 0);
	ck_assert_int_eq(keep(0), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_CONFIG), 0);
	hang_up();
	while (state() != VHOST_USER_FRONTEND_RUNNING || !connects) {
		vhost_user_frontend_dispatch(fe);
		if (peer_step(&peer))
			check_order();
	}
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_CONFIG), 1);
	ck_assert_uint_eq(notified.refused, 0);
}
END_TEST

START_TEST(refused_kept_config_is_reported_and_the_start_continues)
{
	run();
	ck_assert_int_eq(keep(0), 0);
	next.deviation = PEER_REFUSE;
	next.deviation_at = VHOST_USER_SET_CONFIG;
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert(strstr(notified.refusal.msg, "SET_CONFIG"));
}
END_TEST

START_TEST(forgotten_config_is_not_repeated)
{
	run();
	ck_assert_int_eq(keep(0), 0);
	vhost_user_frontend_forget_config(fe);
	kill_peer();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_CONFIG), 0);
}
END_TEST

START_TEST(eight_config_writes_are_kept)
{
	unsigned int i;

	run();
	for (i = 0; i < 8; i++)
		ck_assert_int_eq(vhost_user_frontend_keep_config(fe, i, "", 1, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_keep_config(fe, 9, "", 1, NULL), -ENOSPC);
	ck_assert_int_eq(vhost_user_frontend_keep_config(fe, 7, "", 1, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_keep_config(fe, 249, "12345678", 8, NULL), -EINVAL);
	ck_assert_int_eq(vhost_user_frontend_keep_config(fe, 0, "123456789", 9, NULL), -EINVAL);
}
END_TEST

START_TEST(session_may_be_freed_while_disconnected)
{
	lose_back_end();
}
END_TEST

START_TEST(repeated_reconnections_leak_nothing)
{
	unsigned int i;
	int fds = -1;

	run();
	for (i = 0; i < 300; i++) {
		kill_peer();
		ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
		if (i == 10)
			fds = vsu_fd_count();
	}
	ck_assert_int_eq(vsu_fd_count(), fds);
	ck_assert_uint_eq(back, 300);
}
END_TEST

/* --------------------------------------------------------------- the area */

START_TEST(back_end_without_the_feature_runs_without_an_area)
{
	vsu_fd_close(&peer.inflight);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_INFLIGHT_FD), 0);
}
END_TEST

static void give_no_fd(void) { deviate(PEER_VALUE, VHOST_USER_GET_INFLIGHT_FD); }

static void give_short_file(void)
{
	ck_assert_int_eq(ftruncate(peer.inflight, 4095), 0);
}

static void give_event(void)
{
	vsu_fd_close(&peer.inflight);
	peer.inflight = vsu_event_new();
}

static void (*const bad_areas[])(void) = {
	give_no_fd, give_short_file, give_event,
};

START_TEST(c1_10_invalid_area_is_refused)
{
	front_ops.connect = NULL;
	config.protocol_features = UINT64_MAX;
	bad_areas[_i]();
	if (_i == 0) {
		vsu_fd_close(&peer.inflight);
		peer.value = 4096;
	}
	run();
	assert_dead(-EBADMSG, "GET_INFLIGHT_FD");
}
END_TEST

START_TEST(area_is_requested_only_if_configured)
{
	front_ops.connect = NULL;
	run();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD), 0);
}
END_TEST

START_TEST(changed_rings_get_a_new_area)
{
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD), 1);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	describe_rings(NRINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD), 2);
}
END_TEST

static void stop_while_away(void)
{
	lose_back_end();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	refusals_left = 0;
	dispatch_until_back();
}

static void stop_interrupted(void)
{
	run();
	deviate(PEER_HANG_UP, VHOST_USER_GET_VRING_BASE);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
}

static void (*const stops[])(void) = { stop_while_away, stop_interrupted };

static void describe_ring(uint32_t index, uint32_t size, uint32_t base)
{
	const struct vhost_user_ring ring = {
		.size = size, .desc_gpa = 0x1000, .driver_gpa = 0x2000,
		.device_gpa = 0x3000, .base = base,
		.kick_fd = kick_fd, .call_fd = call_fd, .err_fd = -1,
	};

	ck_assert_int_eq(vhost_user_frontend_set_ring(fe, index, &ring, NULL), 0);
}

/* As after a pause. */
static void describe_stopped_rings(void)
{
	uint32_t i;

	for (i = 0; i < NRINGS; i++)
		describe_ring(i, 128, notified.bases[i]);
}

/* Starts again; the number of areas that were requested for it. */
static unsigned int areas_of_a_start(void)
{
	unsigned int before = peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD);

	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	return peer_count(&peer, VHOST_USER_GET_INFLIGHT_FD) - before;
}

START_TEST(c1_16_area_of_a_lost_back_end_outlives_a_stop)
{
	stops[_i]();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.stopped, 1);
	describe_stopped_rings();
	ck_assert_uint_eq(areas_of_a_start(), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_INFLIGHT_FD), 1);
	/* this back-end completes its requests */
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	describe_stopped_rings();
	ck_assert_uint_eq(areas_of_a_start(), 1);
}
END_TEST

/* A reset ends it, and so does a ring that is set up again, of another size or at another position. */
START_TEST(area_of_a_lost_back_end_ends_with_its_rings)
{
	stops[_i % 2]();
	if (_i < 2)
		ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	describe_stopped_rings();
	if (_i >= 4)
		describe_ring(0, 128, notified.bases[0] + 1);
	else if (_i >= 2)
		describe_ring(0, 64, notified.bases[0]);
	ck_assert_uint_eq(areas_of_a_start(), 1);
}
END_TEST

static void add_losses(Suite *s)
{
	TCase *tc = front_case(s, "lost", setup_return, teardown_return);

	tcase_add_test(tc, rings_continue_with_the_area_of_the_previous_back_end);
	tcase_add_test(tc, base_is_the_used_index_of_the_ring);
	tcase_add_loop_test(tc, c1_16_rings_without_an_area_continue_only_with_in_order,
			    0, 2);
	tcase_add_test(tc, attempts_are_repeated_until_one_succeeds);
	tcase_add_test(tc, maximum_pause_does_not_overflow);
	tcase_add_test(tc, first_attempt_is_made_without_a_pause);
	tcase_add_test(tc, back_end_that_dies_again_is_reconnected_after_a_pause);
	tcase_add_test(tc, session_that_was_ready_comes_back_ready);
	tcase_add_test(tc, failed_first_handshake_is_final);
	tcase_add_test(tc, session_ended_by_its_owner_is_not_reconnected);
	tcase_add_loop_test(tc, c1_07_back_end_with_other_windows_is_refused, 0,
			    (int)(sizeof(windows) / sizeof(windows[0])));
	tcase_add_loop_test(tc, c1_07_back_end_that_offers_less_is_refused, 0,
			    COUNT(lacks));
	tcase_add_loop_test(tc, c1_13_connection_may_break_at_any_message, 1,
			    MESSAGES);
	tcase_add_loop_test(tc, c1_13_interrupted_start_is_repeated_with_the_next_back_end,
			    1, 20);
	tcase_add_test(tc, repeated_reconnections_leak_nothing);
}

static void add_away(Suite *s)
{
	TCase *tc = front_case(s, "away", setup_return, teardown_return);

	tcase_add_test(tc, rings_can_be_stopped_while_disconnected);
	tcase_add_test(tc, hang_up_of_the_next_back_end_names_its_own_requests_only);
	tcase_add_test(tc, rings_can_be_stopped_during_an_unanswered_handshake);
	tcase_add_test(tc, interrupted_stop_completes);
	tcase_add_test(tc, c1_15_start_while_disconnected_is_refused);
	tcase_add_test(tc, memory_set_while_disconnected_is_sent_to_the_next_back_end);
	tcase_add_test(tc,
		memory_for_which_no_replacement_has_room_is_refused_while_disconnected);
	tcase_add_test(tc, back_end_with_more_slots_raises_no_limit);
	tcase_add_test(tc, interrupted_memory_change_completes);
	tcase_add_test(tc, c1_06_interrupted_revert_reports_the_refusal);
	tcase_add_test(tc, memory_change_interrupted_after_a_refusal_completes);
	tcase_add_test(tc, interrupted_read_of_configuration_completes);
	tcase_add_test(tc, e3_21_kept_config_is_repeated_before_the_rings_run);
	tcase_add_test(tc, refused_kept_config_is_reported_and_the_start_continues);
	tcase_add_test(tc, forgotten_config_is_not_repeated);
	tcase_add_test(tc, eight_config_writes_are_kept);
	tcase_add_test(tc, session_may_be_freed_while_disconnected);
}

int main(void)
{
	Suite *s = suite_create("vhost front-end reconnect");
	TCase *tc;

	add_losses(s);
	add_away(s);
	tc = front_case(s, "area", setup_return, teardown_return);
	tcase_add_test(tc, back_end_without_the_feature_runs_without_an_area);
	tcase_add_loop_test(tc, c1_10_invalid_area_is_refused, 0,
			    COUNT(bad_areas));
	tcase_add_test(tc, area_is_requested_only_if_configured);
	tcase_add_test(tc, changed_rings_get_a_new_area);
	tcase_add_loop_test(tc, c1_16_area_of_a_lost_back_end_outlives_a_stop, 0,
			    COUNT(stops));
	tcase_add_loop_test(tc, area_of_a_lost_back_end_ends_with_its_rings, 0,
			    3 * COUNT(stops));
	return run_suite(s);
}

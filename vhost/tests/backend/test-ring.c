/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about rings: set-up, start, disabling and stop. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

static uint64_t set_addr(struct rig *r, struct vhost_user_vring_addr addr)
{
	return rig_ack(r, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL,
		       0);
}

/* Sets memory, features, and a size for ring 0. */
static void rig_ready(struct rig *r)
{
	rig_init(r);
	rig_negotiate(r);
	ck_assert_uint_eq(rig_set_memory(r), 0);
	ck_assert_uint_eq(rig_ack_state(r, VHOST_USER_SET_VRING_NUM, 0,
					RIG_SIZE), 0);
}

START_TEST(ring_is_served_and_the_driver_is_notified)
{
	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 5);
	rig_offer(&rig, 0, 6);
	ck_assert_uint_eq(rig_serve(&rig, 0), 2);
	ck_assert_uint_eq(rig_used(&rig, 0), 2);
	ck_assert_uint_eq(rig_drain(rig.call[0]), 1);
	ck_assert_uint_eq(rig_drain(rig.call[1]), 0);
}
END_TEST

static void refuse_ring(uint32_t ring)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
		VHOST_USER_SET_VRING_ENABLE,
	};
	struct vhost_user_vring_state s = { ring, 0 };
	struct vhost_user_vring_addr addr = rig_addr(0);
	struct rig_reply reply;
	struct rig r;
	int i;

	rig_ready(&r);
	for (i = 0; i < 3; i++)
		ck_assert_uint_ne(rig_ack_state(&r, requests[i], ring, 1), 0);
	addr.index = ring;
	ck_assert_uint_ne(set_addr(&r, addr), 0);
	ck_assert_uint_eq(rig_get(&r, VHOST_USER_GET_VRING_BASE, &s, sizeof(s),
				  &reply), 0);
	ck_assert_uint_ne(rig_ack_fd(&r, VHOST_USER_SET_VRING_KICK,
				     ring < 256 ? ring | 0x100 : ring | 0x300,
				     -1), 0);
	rig_fini(&r);
}

/* QEMU 7.2 sends it whenever it stops a device, and migrates this base. */
START_TEST(ring_stopped_by_a_reset_keeps_its_base)
{
	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 5);
	rig_offer(&rig, 0, 6);
	ck_assert_uint_eq(rig_serve(&rig, 0), 2);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_STATUS, 0), 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 2);
	ck_assert_uint_eq(rig_stop_ring(&rig, 1), 0);
}
END_TEST

START_TEST(e2_07_ring_begins_at_0_after_a_reset)
{
	struct vhost_user_vring_addr addr = rig_addr(0);

	rig_init(&rig);
	rig_up(&rig);
	rig_offer(&rig, 0, 5);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_STATUS, 0), 0);
	memset(rig.mem, 0, RIG_MEMORY);
	rig_negotiate(&rig);
	ck_assert_uint_eq(set_addr(&rig, addr), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0x100, -1),
			  0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 1),
			  0);
	ck_assert_uint_eq(rig.runs[0], 2);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 0);
}
END_TEST

START_TEST(b3_01_ring_that_does_not_exist_is_refused)
{
	refuse_ring(RIG_RINGS);
	refuse_ring(255);
	refuse_ring(0xffffffff);
}
END_TEST

START_TEST(b3_02_ring_index_above_255_is_not_truncated)
{
	refuse_ring(0x100);
	refuse_ring(0x10000);
	refuse_ring(0x10001);
	refuse_ring(0x80000000);
}
END_TEST

START_TEST(b3_03_every_message_accepts_the_last_ring)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	rig_set_ring(&rig, RIG_RINGS - 1);
	ck_assert(rig.running[RIG_RINGS - 1]);
	rig_offer(&rig, RIG_RINGS - 1, 0);
	ck_assert_uint_eq(rig_serve(&rig, RIG_RINGS - 1), 1);
	ck_assert_uint_eq(rig_stop_ring(&rig, RIG_RINGS - 1), 1);
}
END_TEST

START_TEST(b3_04_size_must_fit_the_device_and_the_format)
{
	static const uint32_t wrong[] = { 0, 3, 1000, 2048, 32769, 0x10000,
					  0x10010, 0xffffffff };

	rig_ready(&rig);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0,
					wrong[_i]), 0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, 1024),
			  0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, 1), 0);
}
END_TEST

START_TEST(packed_ring_may_have_any_size_and_a_base_of_32_bits)
{
	rig_prepare(&rig);
	rig.config.features |= VQ_F_RING_PACKED;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, 100),
			  0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0,
					0x80638063), 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 0x80638063);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0, 100),
			  0);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0,
					100 << 16), 0);
}
END_TEST

/* Some front-ends treat the base as a 16-bit value, as of a split ring. */
static const struct {
	uint32_t sent, position;
} short_bases[] = {
	{ 0x8000, 0x80008000 }, { 0x8063, 0x80638063 }, { 5, 0x50005 }, { 0, 0 },
};

START_TEST(packed_base_of_16_bits_sets_both_positions)
{
	rig_prepare(&rig);
	rig.config.features |= VQ_F_RING_PACKED;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, 100),
			  0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0,
					short_bases[_i].sent), 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), short_bases[_i].position);
}
END_TEST

/* b3_05: sanitizers and valgrind check the heap for leaks. */
START_TEST(b3_05_repeated_set_up_leaks_nothing)
{
	int i;

	rig_ready(&rig);
	for (i = 0; i < 2000; i++) {
		ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0,
						RIG_SIZE), 0);
		ck_assert_uint_eq(set_addr(&rig, rig_addr(0)), 0);
	}
}
END_TEST

START_TEST(b3_06_running_ring_keeps_size_base_and_addresses)
{
	struct vhost_user_vring_addr addr = rig_addr(0);

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, 8), 0);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0, 5),
			  0);
	ck_assert_uint_eq(set_addr(&rig, addr), 0);
	addr.flags = VHOST_USER_VRING_F_LOG;
	ck_assert_uint_eq(set_addr(&rig, addr), 0);
	addr.avail += 16;
	ck_assert_uint_ne(set_addr(&rig, addr), 0);
	addr = rig_addr(0);
	addr.flags = 2;
	ck_assert_uint_ne(set_addr(&rig, addr), 0);
	ck_assert(rig.running[0]);
	rig_offer(&rig, 0, 0);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
}
END_TEST

START_TEST(b3_07_whole_ring_must_lie_in_memory)
{
	struct vhost_user_vring_addr a = rig_addr(0), ok = a;
	uint64_t end = RIG_UADDR + RIG_MEMORY;

	rig_ready(&rig);
	a.desc = end - 16 * RIG_SIZE + 16;	/* the last entry is outside memory */
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	a.desc = end;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	/* guest address 0 is not a user address */
	a.desc = 0;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	a = ok;
	a.used = end - 8;			/* only the ring's header is in memory */
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	a.used = UINT64_MAX - 3;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	a = ok;
	a.avail = RIG_UADDR - 2;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	ck_assert_uint_eq(rig.runs[0], 0);
	a.desc = end - 16 * RIG_SIZE;		/* the last valid address */
	a.avail = ok.avail;
	ck_assert_uint_eq(set_addr(&rig, a), 0);
}
END_TEST

START_TEST(b3_07_ring_must_be_aligned)
{
	struct vhost_user_vring_addr a;

	rig_ready(&rig);
	a = rig_addr(0);
	a.desc += 8;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	a = rig_addr(0);
	a.avail += 1;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
	a = rig_addr(0);
	a.used += 2;
	ck_assert_uint_ne(set_addr(&rig, a), 0);
}
END_TEST

START_TEST(addresses_need_a_size_first)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	ck_assert_uint_ne(set_addr(&rig, rig_addr(0)), 0);
}
END_TEST

START_TEST(b3_08_base_of_a_split_ring_has_16_bits)
{
	rig_ready(&rig);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0,
					0x10000), 0);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0,
					0xffffffff), 0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 0,
					0xffff), 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 0xffff);
}
END_TEST

START_TEST(b3_09_base_of_a_ring_that_never_started_is_the_one_set)
{
	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_stop_ring(&rig, 2), 0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_BASE, 2, 77),
			  0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 2), 77);
	ck_assert_uint_eq(rig_stop_ring(&rig, 2), 77);
	ck_assert(rig.running[0] && rig.running[1]);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 1);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 1);
	ck_assert(rig.running[1]);
}
END_TEST

/* A ring is served when it starts, whether or not it was kicked. */
START_TEST(b3_10_kick_before_the_start_is_not_lost)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	rig_offer(&rig, 0, 2);
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(rig.runs[0], 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 0),
			  0);
	rig_offer(&rig, 0, 3);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 1),
			  0);
	ck_assert_uint_eq(rig.runs[0], 2);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
}
END_TEST

START_TEST(b3_11_kick_is_drained_by_the_owner)
{
	uint64_t many = 1000, count;

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_int_eq(write(rig.kick[0], &many, 8), 8);
	ck_assert_int_eq(rig_dispatch(&rig), 0);	/* the session does not drain the kick */
	ck_assert_int_eq(read(vhost_user_backend_kick_fd(rig.b, 0), &count, 8),
			 8);
	ck_assert_uint_eq(count, many);
	ck_assert_uint_eq(rig_serve(&rig, 0), 0);
}
END_TEST

/* In blocking mode, which the peer can set at any time. */
START_TEST(b3_12_full_call_eventfd_does_not_block)
{
	uint64_t full = UINT64_MAX - 1;
	int flags;

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_int_eq(write(rig.call[0], &full, 8), 8);
	flags = fcntl(rig.call[0], F_GETFL);
	ck_assert_int_eq(fcntl(rig.call[0], F_SETFL, flags & ~O_NONBLOCK), 0);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_drain(rig.call[0]), full);
}
END_TEST

START_TEST(b3_13_disabled_ring_is_drained)
{
	struct iovec iov[2];
	struct vq_chain chain = { .iov = iov, .iov_max = 2 };
	struct rig_reply reply;
	struct vq *q;

	rig_init(&rig);
	rig_up(&rig);
	q = vhost_user_backend_vq(rig.b, 0);
	rig_offer(&rig, 0, 1);
	ck_assert_int_eq(vq_pop(q, &chain), 1);
	rig.holds_answers = true;
	rig_send(&rig, VHOST_USER_SET_VRING_ENABLE, RIG_NEED,
		 &(struct vhost_user_vring_state){ 0, 0 }, 8, NULL, 0);
	rig_expect_silence(&rig);
	ck_assert(rig.asked_drain);
	ck_assert_uint_eq(rig.asked_ring, 0);
	vq_push(q, &chain, 0);
	vq_publish(q);
	vhost_user_backend_done(rig.b, rig.token);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(rig_used(&rig, 0), 1);
	rig.holds_answers = false;
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 1);
}
END_TEST

START_TEST(stop_waits_for_chains_in_flight_and_drops_kick_and_call)
{
	struct vhost_user_vring_state s = { 0, 0 };
	struct iovec iov[2];
	struct vq_chain chain = { .iov = iov, .iov_max = 2 };
	struct rig_reply reply;
	struct vq *q;

	rig_init(&rig);
	rig_up(&rig);
	q = vhost_user_backend_vq(rig.b, 0);
	rig_offer(&rig, 0, 1);
	ck_assert_int_eq(vq_pop(q, &chain), 1);
	rig.holds_answers = true;
	rig_send(&rig, VHOST_USER_GET_VRING_BASE, 1, &s, sizeof(s), NULL, 0);
	rig_send(&rig, VHOST_USER_GET_FEATURES, 1, NULL, 0, NULL, 0);
	rig_expect_silence(&rig);
	vq_push(q, &chain, 64);
	if (vq_publish(q))
		vhost_user_backend_call(rig.b, 0);
	vhost_user_backend_done(rig.b, rig.token);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.request, VHOST_USER_GET_VRING_BASE);
	memcpy(&s, reply.payload, sizeof(s));
	ck_assert_uint_eq(s.num, 1);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.request, VHOST_USER_GET_FEATURES);
	ck_assert_uint_eq(rig_drain(rig.call[0]), 1);
	ck_assert_int_eq(vhost_user_backend_kick_fd(rig.b, 0), -1);
	vhost_user_backend_call(rig.b, 0);
	ck_assert_uint_eq(rig_drain(rig.call[0]), 0);
	rig.holds_answers = false;
}
END_TEST

START_TEST(stopped_ring_starts_again_at_its_position)
{
	uint32_t base;
	int i;

	rig_init(&rig);
	rig_up(&rig);
	for (i = 1; i < 40; i++) {
		rig_offer(&rig, 0, (uint16_t)(i % RIG_SIZE));
		ck_assert_uint_eq(rig_serve(&rig, 0), 1);
		base = rig_stop_ring(&rig, 0);
		ck_assert_uint_eq(base, i);
		ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0,
					     rig.kick[0]), 0);
		ck_assert(rig.running[0]);
	}
}
END_TEST

START_TEST(kick_and_call_are_replaced_while_the_ring_is_paused)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_CALL, 0, fd), 0);
	ck_assert_uint_eq(rig.quiesces, 1);
	ck_assert(!rig.asked_drain);
	ck_assert_uint_eq(rig.runs[0], 2);
	ck_assert_uint_eq(rig_drain(fd), 1);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_drain(fd), 1);
	ck_assert_uint_eq(rig_drain(rig.call[0]), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_CALL, 0x100, -1),
			  0);
	vhost_user_backend_call(rig.b, 0);
	ck_assert_uint_eq(rig_drain(fd), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0, fd), 0);
	ck_assert_uint_eq(rig.runs[0], 4);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(d4_08_broken_ring_is_reported_once_per_start)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	rig_init(&rig);
	rig_up(&rig);
	vhost_user_backend_ring_error(rig.b, 0);
	rig_stop_ring(&rig, 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_ERR, 0, fd), 0);
	rig_set_ring(&rig, 0);
	vhost_user_backend_ring_error(rig.b, 0);
	vhost_user_backend_ring_error(rig.b, 0);
	ck_assert_uint_eq(rig_drain(fd), 1);
	vsu_fd_close(&fd);
}
END_TEST

/* Reported only through the descriptor that the front-end sent for errors. */
START_TEST(e2_09_broken_ring_is_signalled_and_other_rings_run)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct vsu_le16 jump = vsu_le16_make(5000);

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_ERR, 0, fd), 0);
	memcpy(rig.mem + 0x5000 + 2, &jump, 2);
	ck_assert_uint_eq(rig_serve(&rig, 0), 0);
	ck_assert_int_ne(vq_broken(vhost_user_backend_vq(rig.b, 0)), VQ_OK);
	vhost_user_backend_ring_error(rig.b, 0);
	ck_assert_uint_eq(rig_drain(fd), 1);
	rig_offer(&rig, 1, 1);
	ck_assert_uint_eq(rig_serve(&rig, 1), 1);
	ck_assert_uint_ne(rig_get_u64(&rig, VHOST_USER_GET_FEATURES), 0);
	ck_assert_uint_eq(rig_drain(fd), 0);
	vsu_fd_close(&fd);
}
END_TEST

/*
 * Ring state is in the peer's memory: invalid state does not prevent later
 * messages.
 */
START_TEST(broken_ring_can_be_stopped_and_started_again)
{
	struct vsu_le16 jump = vsu_le16_make(5000);

	rig_init(&rig);
	rig_up(&rig);
	memcpy(rig.mem + 0x5000 + 2, &jump, 2);
	ck_assert_uint_eq(rig_serve(&rig, 0), 0);
	ck_assert_int_ne(vq_broken(vhost_user_backend_vq(rig.b, 0)), VQ_OK);
	vhost_user_backend_ring_error(rig.b, 0);
	ck_assert_uint_eq(rig_stop_ring(&rig, 0), 0);
	memset(rig.mem + 0x5000, 0, 4);
	rig_set_ring(&rig, 0);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
}
END_TEST

static void add_states(Suite *s)
{
	TCase *tc = rig_case_of(s, "states", &rig);

	tcase_add_test(tc, b3_09_base_of_a_ring_that_never_started_is_the_one_set);
	tcase_add_test(tc, b3_10_kick_before_the_start_is_not_lost);
	tcase_add_test(tc, b3_11_kick_is_drained_by_the_owner);
	tcase_add_test(tc, b3_12_full_call_eventfd_does_not_block);
	tcase_add_test(tc, b3_13_disabled_ring_is_drained);
	tcase_add_test(tc, stop_waits_for_chains_in_flight_and_drops_kick_and_call);
	tcase_add_test(tc, stopped_ring_starts_again_at_its_position);
	tcase_add_test(tc, kick_and_call_are_replaced_while_the_ring_is_paused);
	tcase_add_test(tc, d4_08_broken_ring_is_reported_once_per_start);
	tcase_add_test(tc, e2_09_broken_ring_is_signalled_and_other_rings_run);
	tcase_add_test(tc, broken_ring_can_be_stopped_and_started_again);
}

int main(void)
{
	Suite *s = suite_create("backend-ring");
	TCase *tc = rig_case_of(s, "set-up", &rig);

	tcase_add_test(tc, ring_is_served_and_the_driver_is_notified);
	tcase_add_test(tc, ring_stopped_by_a_reset_keeps_its_base);
	tcase_add_test(tc, e2_07_ring_begins_at_0_after_a_reset);
	tcase_add_test(tc, b3_01_ring_that_does_not_exist_is_refused);
	tcase_add_test(tc, b3_02_ring_index_above_255_is_not_truncated);
	tcase_add_test(tc, b3_03_every_message_accepts_the_last_ring);
	tcase_add_loop_test(tc, b3_04_size_must_fit_the_device_and_the_format,
			    0, 8);
	tcase_add_test(tc, packed_ring_may_have_any_size_and_a_base_of_32_bits);
	tcase_add_loop_test(tc, packed_base_of_16_bits_sets_both_positions, 0,
			    sizeof(short_bases) / sizeof(*short_bases));
	tcase_add_test(tc, b3_05_repeated_set_up_leaks_nothing);
	tcase_add_test(tc, b3_06_running_ring_keeps_size_base_and_addresses);
	tcase_add_test(tc, b3_07_whole_ring_must_lie_in_memory);
	tcase_add_test(tc, b3_07_ring_must_be_aligned);
	tcase_add_test(tc, addresses_need_a_size_first);
	tcase_add_test(tc, b3_08_base_of_a_split_ring_has_16_bits);
	add_states(s);
	return run_suite(s);
}

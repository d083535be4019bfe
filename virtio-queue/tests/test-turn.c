/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about whole turns of a queue. */
#include <config.h>

#include <virtio-queue/turn.h>

#include "util.h"

static struct rig r;
static unsigned int served, notified;	/* calls of serve and notify */
static unsigned int offer_again;	/* number of chains that serve still offers */

static uint32_t serve(void *opaque, struct vq *q, struct vq_chain *chain)
{
	ck_assert_ptr_eq(opaque, &r);
	ck_assert_ptr_eq(q, r.q);
	ck_assert_uint_eq(chain->nwritable, 1);
	served++;
	if (offer_again) {
		offer_again--;
		offer(&r, (uint16_t)(served % RIG_SIZE));
	}
	return 7;
}

static void notify(void *opaque)
{
	ck_assert_ptr_eq(opaque, &r);
	notified++;
}

static struct vq_turn turn;

static void setup(void)
{
	uint16_t i;

	rig_init(&r, 0);
	served = notified = offer_again = 0;
	for (i = 0; i < RIG_SIZE; i++)
		put_desc(&r, RIG_DESC, i, RIG_DATA, 1024, F_WRITE, 0);
	turn = (struct vq_turn){
		.size = sizeof(turn), .serve = serve, .notify = notify,
		.opaque = &r,
	};
}

static void teardown(void)
{
	rig_fini(&r);
}

static void offer_n(uint16_t n)
{
	uint16_t i;

	for (i = 0; i < n; i++)
		offer(&r, i);
}

START_TEST(turn_publishes_and_notifies_once)
{
	offer_n(3);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(served, 3);
	ck_assert_uint_eq(notified, 1);
	ck_assert_uint_eq(used_idx(&r), 3);
	ck_assert_uint_eq(get32(&r, RIG_DEVICE + 4 + 4), 7);
	ck_assert_uint_eq(vq_inflight(r.q), 0);
}
END_TEST

START_TEST(turn_ends_with_notifications_on)
{
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(get16(&r, RIG_DEVICE), 0);
	ck_assert_uint_eq(notified, 0);
}
END_TEST

START_TEST(chain_that_comes_while_others_are_served_is_not_missed)
{
	offer_again = 5;
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(served, 6);
	ck_assert_uint_eq(used_idx(&r), 6);
}
END_TEST

START_TEST(a1_08_ring_that_fills_while_it_is_served_does_not_hold_a_turn)
{
	offer_again = 1000;
	turn.max_chains = 10;
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 1);
	ck_assert_uint_eq(served, 10);
	ck_assert_uint_eq(notified, 1);
	/* the next turn follows without a kick */
	ck_assert_uint_eq(get16(&r, RIG_DEVICE), 1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 1);
	ck_assert_uint_eq(served, 20);
}
END_TEST

START_TEST(a4_19_turn_is_bounded_in_bytes)
{
	offer_n(10);
	turn.max_bytes = 2500;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 1);
	ck_assert_uint_eq(served, 3);
	ck_assert_uint_eq(used_idx(&r), 3);
}
END_TEST

/* The time that turns read. */
static uint64_t now = 1000000000;

uint64_t __wrap_vsu_now_ns(void);

uint64_t __wrap_vsu_now_ns(void)
{
	return now;
}

/* The driver offers the next chain while the device works on this one. */
static uint32_t work_for_a_millisecond(void *opaque, struct vq *q,
				       struct vq_chain *chain)
{
	(void)opaque;
	(void)q;
	(void)chain;
	now += 1000000;
	offer(&r, (uint16_t)(++served % RIG_SIZE));
	return 0;
}

START_TEST(a4_19_turn_is_bounded_in_time)
{
	turn.serve = work_for_a_millisecond;
	turn.max_ns = 3000000;
	turn.clock_chains = 1;
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 1);
	ck_assert_uint_eq(served, 4);	/* the time counts from the first one on */
	ck_assert_uint_eq(used_idx(&r), served);
	ck_assert_uint_eq(notified, 1);
}
END_TEST

START_TEST(turn_checks_the_clock_without_being_asked)
{
	turn.serve = work_for_a_millisecond;
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 1);
	ck_assert_uint_eq(served, 192);
	served = 0;
	turn.clock_chains = 5;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 1);
	ck_assert_uint_eq(served, 10);
}
END_TEST

START_TEST(broken_ring_ends_the_turn_and_keeps_what_was_served)
{
	offer_n(2);
	offer(&r, RIG_SIZE);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), -EFAULT);
	ck_assert_int_eq(vq_broken(r.q), VQ_BROKEN_HEAD);
	ck_assert_uint_eq(served, 2);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), -EFAULT);
	ck_assert_uint_eq(served, 2);
}
END_TEST

START_TEST(turn_without_its_size_or_a_device_is_refused)
{
	offer_n(1);
	turn.size = 0;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), -EINVAL);
	turn.size = sizeof(turn);
	turn.serve = NULL;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), -EINVAL);
	ck_assert_uint_eq(used_idx(&r), 0);
}
END_TEST

START_TEST(turn_with_an_unknown_member_is_refused)
{
	struct {
		struct vq_turn known;
		uint64_t member;
	} newer = { turn, 1 };

	newer.known.size = sizeof(newer);
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &newer.known), -E2BIG);
	ck_assert_uint_eq(used_idx(&r), 0);
	newer.member = 0;
	ck_assert_int_eq(vq_serve_turn(r.q, &newer.known), 0);
	ck_assert_uint_eq(used_idx(&r), 1);
}
END_TEST

START_TEST(turn_of_an_older_caller_has_its_defaults)
{
	turn.size = offsetof(struct vq_turn, iov);
	turn.max_chains = 1;	/* beyond its size */
	offer_n(4);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(served, 4);
}
END_TEST

static uint32_t count_pieces(void *opaque, struct vq *q,
			     struct vq_chain *chain)
{
	(void)q;
	*(uint32_t *)opaque = chain->nwritable | chain->fault.why << 16;
	return 0;
}

START_TEST(pieces_have_the_room_that_the_caller_gives)
{
	struct iovec one[1];
	uint32_t seen = 0;

	turn.serve = count_pieces;
	turn.notify = NULL;
	turn.opaque = &seen;
	put_desc(&r, RIG_DESC, 0, RIG_DATA, 8, F_WRITE | F_NEXT, 1);
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(seen, 2);
	turn.iov = one;
	turn.iov_max = 1;
	offer_n(1);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(seen, 1 | VQ_FAULT_NO_ROOM << 16);
}
END_TEST

/* Heads in the order in which they were served, and how many pieces each had. */
static uint16_t heads[RIG_SIZE];
static uint32_t pieces[RIG_SIZE];

static uint32_t note_chain(void *opaque, struct vq *q, struct vq_chain *chain)
{
	(void)q;
	ck_assert_uint_eq(chain->fault.why, VQ_FAULT_NONE);
	heads[served] = chain->head;
	pieces[served] = chain->nwritable;
	if (opaque && ++served == 2)
		vq_break(opaque);
	else if (!opaque)
		served++;
	return 0;
}

/* Six pieces from 8 on, behind five chains of one piece and before two. */
static void offer_long_among_short(void)
{
	uint16_t i;

	for (i = 8; i < 13; i++)
		put_desc(&r, RIG_DESC, i, RIG_DATA, 8, F_WRITE | F_NEXT,
			 (uint16_t)(i + 1));
	offer_n(5);
	offer(&r, 8);
	offer(&r, 14);
	offer(&r, 15);
}

START_TEST(long_chain_among_short_ones_has_all_its_pieces_in_its_turn)
{
	static const uint16_t expected[] = { 0, 1, 2, 3, 4, 8, 14, 15 };
	unsigned int i;

	turn.serve = note_chain;
	turn.notify = NULL;
	turn.opaque = NULL;
	offer_long_among_short();
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(served, 8);
	for (i = 0; i < 8; i++) {
		ck_assert_uint_eq(heads[i], expected[i]);
		ck_assert_uint_eq(pieces[i], expected[i] == 8 ? 6 : 1);
	}
	ck_assert_uint_eq(used_idx(&r), 8);
	ck_assert_uint_eq(vq_counter(r.q, VQ_COUNT_CHAINS), 8);
	ck_assert_uint_eq(vq_counter(r.q, VQ_COUNT_FAULTS), 0);
	ck_assert_uint_eq(vq_inflight(r.q), 0);
}
END_TEST

START_TEST(device_that_gives_up_is_not_called_again)
{
	turn.serve = note_chain;
	turn.notify = NULL;
	turn.opaque = r.q;
	offer_n(5);
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), -EFAULT);
	ck_assert_uint_eq(served, 2);
	ck_assert_uint_eq(vq_inflight(r.q), 0);
}
END_TEST

/* Serves this many chains, then asks for a later turn. */
static unsigned int permits;

static uint32_t serve_permitted(void *opaque, struct vq *q,
				struct vq_chain *chain)
{
	if (!permits)
		return VQ_TURN_LATER;
	permits--;
	return note_chain(opaque, q, chain);
}

START_TEST(device_that_cannot_continue_gets_the_same_chain_later)
{
	uint16_t i;

	turn.serve = serve_permitted;
	turn.opaque = NULL;
	turn.notify = NULL;
	offer_n(10);
	for (i = 0; i < 3; i++) {
		permits = (unsigned int)_i;
		ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
		ck_assert_uint_eq(served, (i + 1u) * (unsigned int)_i);
		ck_assert_uint_eq(used_idx(&r), served);
		ck_assert_uint_eq(vq_inflight(r.q), 0);
		/* the driver does not notify */
		ck_assert_uint_eq(get16(&r, RIG_DEVICE), 1);
	}
	permits = 10;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	ck_assert_uint_eq(served, 10);
	ck_assert_uint_eq(get16(&r, RIG_DEVICE), 0);
	for (i = 0; i < 10; i++)
		ck_assert_uint_eq(heads[i], i);
}
END_TEST

START_TEST(queue_that_breaks_while_its_device_cannot_continue_is_broken)
{
	turn.serve = serve_permitted;
	turn.opaque = NULL;
	turn.notify = NULL;
	offer_n(2);
	permits = 1;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), 0);
	offer(&r, RIG_SIZE);
	permits = 10;
	ck_assert_int_eq(vq_serve_turn(r.q, &turn), -EFAULT);
	ck_assert_uint_eq(served, 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("turn");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, turn_publishes_and_notifies_once);
	tcase_add_test(tc, turn_ends_with_notifications_on);
	tcase_add_test(tc, chain_that_comes_while_others_are_served_is_not_missed);
	tcase_add_test(tc, a1_08_ring_that_fills_while_it_is_served_does_not_hold_a_turn);
	tcase_add_test(tc, a4_19_turn_is_bounded_in_bytes);
	tcase_add_test(tc, a4_19_turn_is_bounded_in_time);
	tcase_add_test(tc, turn_checks_the_clock_without_being_asked);
	tcase_add_test(tc, broken_ring_ends_the_turn_and_keeps_what_was_served);
	tcase_add_test(tc, turn_without_its_size_or_a_device_is_refused);
	tcase_add_test(tc, turn_with_an_unknown_member_is_refused);
	tcase_add_test(tc, turn_of_an_older_caller_has_its_defaults);
	tcase_add_test(tc, pieces_have_the_room_that_the_caller_gives);
	tcase_add_test(tc, long_chain_among_short_ones_has_all_its_pieces_in_its_turn);
	tcase_add_test(tc, device_that_gives_up_is_not_called_again);
	tcase_add_loop_test(tc, device_that_cannot_continue_gets_the_same_chain_later,
			    0, 4);
	tcase_add_test(tc, queue_that_breaks_while_its_device_cannot_continue_is_broken);
	return run_tcase(tc, "turn");
}

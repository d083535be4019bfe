/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the checks of a debug build: a device that uses what it did not
 * mark is ended there, and nowhere else; nothing else ends it.
 */
#include <config.h>

#include <signal.h>

#include "ring.h"

/* A chain of 32 writable bytes, popped; its memory has a dirty bitmap or not. */
static void pop_writable(struct rig *r, bool bitmap)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0,
						 bitmap ? 12 : 0);

	rig_init_regions(r, &region, 1, 0);
	ck_assert_int_eq(vq_enable(r->q, &r->config, NULL), 0);
	put_desc(r, RIG_DESC, 0, RIG_DATA, 16, F_NEXT | F_WRITE, 1);
	put_desc(r, RIG_DESC, 1, RIG_DATA + 64, 16, F_WRITE, 0);
	offer(r, 0);
	ck_assert_int_eq(rig_pop(r), 1);
}

START_TEST(debug_build_ends_a_device_that_uses_what_it_did_not_mark)
{
	pop_writable(&rig, true);
	vq_chain_written(rig.q, &rig.chain, 0, 31);
	vq_push(rig.q, &rig.chain, 32);
}
END_TEST

START_TEST(debug_build_looks_at_each_chain_of_a_batch)
{
	uint32_t written[2] = { 0, 1 };
	struct vq_chain chains[2];

	pop_writable(&rig, true);
	put_desc(&rig, RIG_DESC, 2, RIG_DATA, 16, F_WRITE, 0);
	offer(&rig, 2);
	chains[0] = rig.chain;
	chains[1] = rig.chain;
	chains[1].iov += 4;
	ck_assert_int_eq(vq_pop(rig.q, &chains[1]), 1);
	vq_push_batch(rig.q, chains, written, 2);
}
END_TEST

START_TEST(what_was_marked_in_pieces_may_be_used)
{
	struct vq_cursor w;

	pop_writable(&rig, true);
	vq_chain_written(rig.q, &rig.chain, 20, 12);
	vq_writer_init(&w, rig.q, &rig.chain);
	vq_cursor_zero(&w, 20);
	vq_push(rig.q, &rig.chain, 32);
}
END_TEST

START_TEST(nothing_is_to_be_marked_without_a_bitmap)
{
	pop_writable(&rig, false);
	vq_push(rig.q, &rig.chain, 32);
}
END_TEST

START_TEST(marks_made_before_logging_count)
{
	unsigned char bits[RIG_MEMORY / 4096 / 8] = { 0 };
	struct vq_log log = { bits, sizeof(bits) };

	pop_writable(&rig, false);
	vq_chain_written(rig.q, &rig.chain, 0, 32);
	vq_set_log(rig.q, &log);
	vq_push(rig.q, &rig.chain, 32);
}
END_TEST

START_TEST(chain_of_a_disabled_queue_is_only_given_back)
{
	pop_writable(&rig, true);
	vq_disable(rig.q);
	vq_push(rig.q, &rig.chain, 32);
	ck_assert_uint_eq(vq_inflight(rig.q), 0);
}
END_TEST

/*
 * Bytes that were reported for the previous chain with this head do not count.
 */
START_TEST(debug_build_counts_each_chain_anew)
{
	pop_writable(&rig, true);
	vq_chain_written(rig.q, &rig.chain, 0, 32);
	vq_push(rig.q, &rig.chain, 32);
	vq_publish(rig.q);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_push(rig.q, &rig.chain, 1);
}
END_TEST

int main(void)
{
	TCase *tc = rig_case("debug");
#ifdef VQ_DEBUG
	int end = SIGABRT;
#else
	int end = 0;
#endif

	tcase_add_test_raise_signal(tc, debug_build_ends_a_device_that_uses_what_it_did_not_mark,
				    end);
	tcase_add_test_raise_signal(tc, debug_build_looks_at_each_chain_of_a_batch,
				    end);
	tcase_add_test_raise_signal(tc, debug_build_counts_each_chain_anew,
				    end);
	tcase_add_test(tc, what_was_marked_in_pieces_may_be_used);
	tcase_add_test(tc, nothing_is_to_be_marked_without_a_bitmap);
	tcase_add_test(tc, marks_made_before_logging_count);
	tcase_add_test(tc, chain_of_a_disabled_queue_is_only_given_back);
	return run_tcase(tc, "debug");
}

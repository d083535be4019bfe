/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about split rings and well-behaved drivers. */
#include <config.h>

#include <errno.h>

#include "ring.h"

START_TEST(empty_ring_gives_0)
{
	rig_init(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 0);
	ck_assert(!vq_has_available(rig.q));
	ck_assert_uint_eq(vq_counter(rig.q, VQ_COUNT_EMPTY), 1);
	ck_assert(!vq_publish(rig.q));
}
END_TEST

START_TEST(chain_comes_as_two_lists)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 7, RIG_DATA, 16, F_NEXT, 3);
	put_desc(&rig, RIG_DESC, 3, RIG_DATA + 100, 512, F_NEXT | F_WRITE, 9);
	put_desc(&rig, RIG_DESC, 9, RIG_DATA + 5000, 1, F_WRITE, 0);
	offer(&rig, 7);
	ck_assert(vq_has_available(rig.q));
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.head, 7);
	ck_assert_uint_eq(rig.chain.nreadable, 1);
	ck_assert_uint_eq(rig.chain.nwritable, 2);
	ck_assert_uint_eq(rig.chain.readable_len, 16);
	ck_assert_uint_eq(rig.chain.writable_len, 513);
	ck_assert_uint_eq(rig.chain.fault.why, VQ_FAULT_NONE);
	ck_assert_ptr_eq(rig.iov[0].iov_base, rig.mem + RIG_DATA);
	ck_assert_ptr_eq(rig.iov[2].iov_base, rig.mem + RIG_DATA + 5000);
	ck_assert_uint_eq(vq_counter(rig.q, VQ_COUNT_BYTES), 529);
}
END_TEST

START_TEST(pushed_chain_is_seen_after_publish)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 7, RIG_DATA, 16, F_WRITE, 0);
	offer(&rig, 7);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_push(rig.q, &rig.chain, 11);
	ck_assert_uint_eq(used_idx(&rig), 0);
	ck_assert(vq_publish(rig.q));
	ck_assert_uint_eq(used_idx(&rig), 1);
	ck_assert_uint_eq(get32(&rig, RIG_DEVICE + 4), 7);
	ck_assert_uint_eq(get32(&rig, RIG_DEVICE + 8), 11);
	ck_assert(!vq_publish(rig.q));
}
END_TEST

START_TEST(chains_may_be_pushed_in_any_order)
{
	struct vq_chain other;
	struct iovec iov[1];

	rig_init(&rig, 0);
	other.iov = iov;
	other.iov_max = 1;
	offer(&rig, 4);
	offer(&rig, 5);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_int_eq(vq_pop(rig.q, &other), 1);
	vq_push(rig.q, &other, 0);
	vq_push(rig.q, &rig.chain, 0);
	vq_publish(rig.q);
	ck_assert_uint_eq(get32(&rig, RIG_DEVICE + 4), 5);
	ck_assert_uint_eq(get32(&rig, RIG_DEVICE + 12), 4);
}
END_TEST

START_TEST(chain_given_back_comes_again)
{
	rig_init(&rig, 0);
	offer(&rig, 4);
	offer(&rig, 5);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_unpop(rig.q, &rig.chain);
	ck_assert_uint_eq(vq_inflight(rig.q), 0);
	ck_assert_uint_eq(vq_base(rig.q), 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.head, 4);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.head, 5);
}
END_TEST

START_TEST(too_little_room_is_a_fault_and_the_ring_goes_on)
{
	rig_init(&rig, 0);
	rig.chain.iov_max = 1;
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 16, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.fault.why, VQ_FAULT_NO_ROOM);
	ck_assert_uint_eq(rig.chain.fault.bad, VMEM_WRITE);
	ck_assert_uint_eq(rig.chain.nreadable, 1);
	ck_assert_uint_eq(rig.chain.nwritable, 0);
	vq_push(rig.q, &rig.chain, 0);
	vq_publish(rig.q);
	ck_assert_uint_eq(used_idx(&rig), 1);
}
END_TEST

START_TEST(direct_part_may_be_followed_by_a_table)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_TABLE, 32, F_INDIRECT | F_WRITE, 0);
	put_desc(&rig, RIG_TABLE, 0, RIG_DATA, 4, F_NEXT, 1);
	put_desc(&rig, RIG_TABLE, 1, RIG_DATA, 5, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.readable_len, 20);
	ck_assert_uint_eq(rig.chain.writable_len, 5);
}
END_TEST

START_TEST(batch_mixes_single_buffers_chains_and_tables)
{
	struct iovec iov[4][2];
	struct vq_chain chains[4];
	unsigned int i;

	rig_init(&rig, VQ_F_INDIRECT_DESC);
	for (i = 0; i < 4; i++)
		chains[i] = (struct vq_chain){ .iov = iov[i], .iov_max = 2 };
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 1, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 2, F_WRITE, 0);
	put_desc(&rig, RIG_DESC, 2, RIG_DATA, 4, 0, 0);
	put_desc(&rig, RIG_DESC, 3, RIG_TABLE, 16, F_INDIRECT, 0);
	put_desc(&rig, RIG_TABLE, 0, RIG_DATA, 8, F_WRITE, 0);
	put_desc(&rig, RIG_DESC, 4, RIG_DATA, 16, F_WRITE, 0);
	offer(&rig, 0);
	for (i = 2; i < 5; i++)
		offer(&rig, (uint16_t)i);
	ck_assert_int_eq(vq_pop_batch(rig.q, chains, 4), 4);
	ck_assert_uint_eq(chains[0].readable_len, 1);
	ck_assert_uint_eq(chains[0].writable_len, 2);
	ck_assert_uint_eq(chains[1].readable_len, 4);
	ck_assert_uint_eq(chains[2].writable_len, 8);
	ck_assert_uint_eq(chains[3].writable_len, 16);
	ck_assert_uint_eq(vq_inflight(rig.q), 4);
	ck_assert_uint_eq(vq_counter(rig.q, VQ_COUNT_BYTES), 31);
}
END_TEST

START_TEST(flag_silences_the_call)
{
	rig_init(&rig, 0);
	put16(&rig, RIG_DRIVER, 1);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_push(rig.q, &rig.chain, 0);
	ck_assert(!vq_publish(rig.q));
	ck_assert_uint_eq(vq_counter(rig.q, VQ_COUNT_SUPPRESSED), 1);
}
END_TEST

static bool serve(struct rig *r, unsigned int n)
{
	while (n--) {
		offer(r, 0);
		ck_assert_int_eq(rig_pop(r), 1);
		vq_push(r->q, &r->chain, 0);
	}
	return vq_publish(r->q);
}

START_TEST(event_index_is_compared_per_publish)
{
	uint64_t used_event = RIG_DRIVER + 4 + 2 * RIG_SIZE;

	rig_init(&rig, VQ_F_EVENT_IDX);
	put16(&rig, used_event, 3);
	ck_assert(!serve(&rig, 3));	/* 0..2 */
	ck_assert(serve(&rig, 1));	/* 3 */
	ck_assert(!serve(&rig, 1));
	put16(&rig, used_event, 7);
	ck_assert(serve(&rig, 10));	/* 5..14 */
	ck_assert_uint_eq(vq_counter(rig.q, VQ_COUNT_NOTIFIED), 2);
}
END_TEST

START_TEST(event_index_holds_where_the_index_wraps)
{
	const uint32_t wraps = scaled(100) < 3 ? 1 : 3;
	uint32_t i, calls = 0;

	rig_init(&rig, VQ_F_EVENT_IDX);
	put16(&rig, RIG_DRIVER + 4 + 2 * RIG_SIZE, 65535);
	for (i = 0; i < wraps * 65536; i++)
		calls += serve(&rig, 1);
	ck_assert_uint_eq(calls, wraps);
}
END_TEST

START_TEST(notify_flag_is_set_and_cleared)
{
	rig_init(&rig, 0);
	vq_disable_notify(rig.q);
	ck_assert_uint_eq(get16(&rig, RIG_DEVICE), 1);
	ck_assert(!vq_enable_notify(rig.q));
	ck_assert_uint_eq(get16(&rig, RIG_DEVICE), 0);
	offer(&rig, 0);
	ck_assert(vq_enable_notify(rig.q));
}
END_TEST

START_TEST(notify_event_is_the_next_index)
{
	uint64_t avail_event = RIG_DEVICE + 4 + 8 * RIG_SIZE;

	rig_init(&rig, VQ_F_EVENT_IDX);
	serve(&rig, 5);
	vq_disable_notify(rig.q);
	ck_assert_uint_eq(get16(&rig, RIG_DEVICE), 0);
	ck_assert(!vq_enable_notify(rig.q));
	ck_assert_uint_eq(get16(&rig, avail_event), 5);
}
END_TEST

START_TEST(queue_goes_on_at_its_base)
{
	rig_init(&rig, 0);
	serve(&rig, 5);
	ck_assert_uint_eq(vq_base(rig.q), 5);
	vq_disable(rig.q);
	ck_assert_uint_eq(vq_base(rig.q), 5);
	offer(&rig, 9);
	rig.config.base = vq_base(rig.q);
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.head, 9);
	vq_push(rig.q, &rig.chain, 0);
	vq_publish(rig.q);
	ck_assert_uint_eq(used_idx(&rig), 6);
}
END_TEST

START_TEST(push_after_disable_only_releases)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_disable(rig.q);
	rig.config.base = vq_base(rig.q);
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EBUSY);
	memset(rig.iov[0].iov_base, 1, 16);
	vq_push(rig.q, &rig.chain, 16);
	ck_assert(!vq_publish(rig.q));
	ck_assert_uint_eq(used_idx(&rig), 0);
	ck_assert_uint_eq(vq_inflight(rig.q), 0);
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
}
END_TEST

START_TEST(broken_queue_works_again_after_disable_and_enable)
{
	rig_init(&rig, 0);
	offer(&rig, RIG_SIZE);
	ck_broken(&rig, VQ_BROKEN_HEAD);
	vq_disable(rig.q);
	memset(rig.mem + RIG_DRIVER, 0, 4);
	rig.avail = 0;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	ck_assert_int_eq(vq_broken(rig.q), VQ_OK);
	ck_assert(serve(&rig, 1));
}
END_TEST

START_TEST(device_can_break_its_queue)
{
	struct vsu_error err = VSU_ERROR_INIT;

	rig_init(&rig, 0);
	ck_assert_int_eq(vq_broken_error(rig.q, &err), 0);
	vq_break(rig.q);
	ck_broken(&rig, VQ_BROKEN_BY_DEVICE);
}
END_TEST

START_TEST(ring_without_a_description_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;

	rig_init(&rig, 0);
	vq_disable(rig.q);
	ck_assert_int_eq(vq_check(rig.q, NULL, NULL), -EINVAL);
	ck_assert_int_eq(vq_enable(rig.q, NULL, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "the ring has no description");
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
}
END_TEST

START_TEST(check_returns_the_result_of_enable_without_its_effect)
{
	rig_init(&rig, 0);
	ck_assert_int_eq(vq_check(rig.q, &rig.config, NULL), -EBUSY);
	vq_disable(rig.q);
	put16(&rig, RIG_DEVICE + 2, 5000);	/* far from every base */
	rig.config.base = 77;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	ck_assert_int_eq(vq_check(rig.q, &rig.config, NULL), 0);
	ck_assert(!vq_is_enabled(rig.q));
	rig.config.size = 3;
	ck_assert_int_eq(vq_check(rig.q, &rig.config, NULL), -EINVAL);
	rig.config.size = RIG_SIZE;
	rig.config.driver_gpa = RIG_MEMORY - 6;	/* the head alone is there */
	ck_assert_int_eq(vq_check(rig.q, &rig.config, NULL), -EFAULT);
	rig.config.driver_gpa++;
	ck_assert_int_eq(vq_check(rig.q, &rig.config, NULL), -EINVAL);
}
END_TEST

START_TEST(queue_without_memory_is_not_enabled)
{
	struct vq_config config = { .size = 4 };
	struct vmem_space *space;
	struct vq *q;

	ck_assert_int_eq(vq_new(&q), 0);
	ck_assert_int_eq(vq_enable(q, &config, NULL), -EFAULT);
	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vq_set_space(q, space), 0);
	ck_assert_int_eq(vq_enable(q, &config, NULL), -EFAULT);
	vq_free(q);
	vmem_space_free(space);
	vq_free(NULL);
}
END_TEST

int main(void)
{
	TCase *tc = rig_case("split");

	tcase_add_test(tc, empty_ring_gives_0);
	tcase_add_test(tc, chain_comes_as_two_lists);
	tcase_add_test(tc, pushed_chain_is_seen_after_publish);
	tcase_add_test(tc, chains_may_be_pushed_in_any_order);
	tcase_add_test(tc, chain_given_back_comes_again);
	tcase_add_test(tc, too_little_room_is_a_fault_and_the_ring_goes_on);
	tcase_add_test(tc, direct_part_may_be_followed_by_a_table);
	tcase_add_test(tc, batch_mixes_single_buffers_chains_and_tables);
	tcase_add_test(tc, flag_silences_the_call);
	tcase_add_test(tc, event_index_is_compared_per_publish);
	tcase_add_test(tc, event_index_holds_where_the_index_wraps);
	tcase_add_test(tc, notify_flag_is_set_and_cleared);
	tcase_add_test(tc, notify_event_is_the_next_index);
	tcase_add_test(tc, queue_goes_on_at_its_base);
	tcase_add_test(tc, push_after_disable_only_releases);
	tcase_add_test(tc, broken_queue_works_again_after_disable_and_enable);
	tcase_add_test(tc, device_can_break_its_queue);
	tcase_add_test(tc, ring_without_a_description_is_refused);
	tcase_add_test(tc, check_returns_the_result_of_enable_without_its_effect);
	tcase_add_test(tc, queue_without_memory_is_not_enabled);
	return run_tcase(tc, "split");
}

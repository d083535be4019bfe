/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the driver's side, with the device's side or a forged one. */
#include <config.h>

#include <errno.h>

#include <virtio-queue/turn.h>

#include "util.h"

#define RING_GPA	0x40000u
#define TABLES_GPA	0x80000u

struct driver_rig {
	struct rig r;
	struct vq_driver *d;
};

static const struct vq_buffer in_out[3] = {
	{ RIG_DATA, 16, 0 },
	{ RIG_DATA + 0x1000, 512, 1 },
	{ RIG_DATA + 0x2000, 1, 1 },
};

static void driver_rig_init_config(struct driver_rig *p, struct vq_driver_config *c)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);

	rig_init_regions(&p->r, &region, 1, c->features);
	c->map = vmem_space_current(p->r.space);
	c->gpa = RING_GPA;
	ck_assert_int_eq(vq_driver_new(c, &p->d, NULL), 0);
	p->r.config.size = c->size;
	p->r.config.base = vq_initial_base(c->features);
	p->r.config.desc_gpa = vq_driver_desc_gpa(p->d);
	p->r.config.driver_gpa = vq_driver_driver_gpa(p->d);
	p->r.config.device_gpa = vq_driver_device_gpa(p->d);
	ck_assert_int_eq(vq_enable(p->r.q, &p->r.config, NULL), 0);
}

static void driver_rig_init(struct driver_rig *p, uint64_t features, uint32_t indirect_max)
{
	struct vq_driver_config c = {
		.features = features,
		.size = RIG_SIZE,
		.indirect_max = indirect_max,
		.indirect_gpa = TABLES_GPA,
	};

	driver_rig_init_config(p, &c);
}

static void driver_rig_fini(struct driver_rig *p)
{
	vq_driver_free(p->d);
	rig_fini(&p->r);
}

static bool serve_one(struct driver_rig *p, uint32_t written)
{
	ck_assert_int_eq(rig_pop(&p->r), 1);
	vq_push(p->r.q, &p->r.chain, written);
	return vq_publish(p->r.q);
}

static bool collects(struct driver_rig *p, uint64_t cookie, uint32_t written)
{
	uint64_t got;
	uint32_t len;

	return vq_driver_collect(p->d, &got, &len) == 1 && got == cookie &&
	       len == written;
}

static void ck_collects(struct driver_rig *p, uint64_t cookie, uint32_t written)
{
	ck_assert(collects(p, cookie, written));
}

static void ck_nothing(struct driver_rig *p)
{
	uint64_t got;
	uint32_t len;

	ck_assert_int_eq(vq_driver_collect(p->d, &got, &len), 0);
}

static struct driver_rig pair;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (pair.d)
		driver_rig_fini(&pair);
	memset(&pair, 0, sizeof(pair));
}

START_TEST(layout_refuses_illegal_sizes)
{
	struct vq_layout l;

	ck_assert_int_eq(vq_ring_layout(0, 0, &l), -EINVAL);
	ck_assert_int_eq(vq_ring_layout(3, 0, &l), -EINVAL);
	ck_assert_int_eq(vq_ring_layout(65536, 0, &l), -EINVAL);
	ck_assert_int_eq(vq_ring_layout(1, 0, &l), 0);
	ck_assert_int_eq(vq_ring_layout(256, 0, &l), 0);
	ck_assert_uint_eq(l.driver, 4096);
	ck_assert_uint_ge(l.device, 4096 + 4 + 512 + 2);
	ck_assert_uint_ge(l.size, l.device + 4 + 2048 + 2);
	ck_assert_uint_eq(l.size % 16, 0);
}
END_TEST

START_TEST(layout_of_a_packed_ring_takes_any_size)
{
	struct vq_layout l;

	ck_assert_int_eq(vq_ring_layout(3, VQ_F_RING_PACKED, &l), 0);
	ck_assert_uint_eq(l.driver, 48);
	ck_assert_uint_ge(l.size, l.device + 4);
	ck_assert_int_eq(vq_ring_layout(32769, VQ_F_RING_PACKED, &l), -EINVAL);
}
END_TEST

START_TEST(request_goes_there_and_back)
{
	driver_rig_init(&pair, FORMAT, 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, 42), 0);
	ck_assert(!vq_has_available(pair.r.q));
	ck_assert(vq_driver_publish(pair.d));
	ck_assert(serve_one(&pair, 513));
	ck_assert_uint_eq(pair.r.chain.readable_len, 16);
	ck_assert_uint_eq(pair.r.chain.writable_len, 513);
	ck_assert_uint_eq(vq_driver_inflight(pair.d), 1);
	ck_collects(&pair, 42, 513);
	ck_assert_uint_eq(vq_driver_inflight(pair.d), 0);
	ck_nothing(&pair);
}
END_TEST

START_TEST(illegal_requests_are_refused)
{
	static const struct vq_buffer reversed[2] = {
		{ RIG_DATA, 1, 1 }, { RIG_DATA, 1, 0 },
	};
	struct vq_buffer many[RIG_SIZE + 1];

	memset(many, 0, sizeof(many));
	driver_rig_init(&pair, FORMAT, 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 0, 0), -EINVAL);
	ck_assert_int_eq(vq_driver_add(pair.d, reversed, 2, 0), -EINVAL);
	ck_assert_int_eq(vq_driver_add(pair.d, many, RIG_SIZE + 1, 0), -EINVAL);
	ck_assert_int_eq(vq_driver_add(pair.d, many, RIG_SIZE, 0), 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 1, 0), -ENOSPC);
}
END_TEST

static bool goes_round(struct driver_rig *p, uint32_t i)
{
	if (vq_driver_add(p->d, in_out, 3, i) != 0)
		return false;
	vq_driver_publish(p->d);
	if (rig_pop(&p->r) != 1)
		return false;
	vq_push(p->r.q, &p->r.chain, i % 513);
	vq_publish(p->r.q);
	return collects(p, i, i % 513);
}

/* Past the place where indices wrap, but in an emulator of a hundredth. An
 * assertion costs more than a request, even one that holds. */
START_TEST(room_comes_back_with_each_request)
{
	const uint32_t n = scaled(700000) < 70000 ? scaled(700000) : 70000;
	uint32_t i;

	driver_rig_init(&pair, FORMAT, 0);
	for (i = 0; i < n && goes_round(&pair, i); i++)
		;
	ck_assert_uint_eq(i, n);
}
END_TEST

/* Rings that are full of few requests, again and again; ids never double. */
START_TEST(ids_survive_rings_that_are_full_of_long_requests)
{
	static const unsigned int lengths[] = { 16, 1, 8, 8, 3, 13, 15, 1, 2 };
	struct vq_buffer buffers[RIG_SIZE];
	uint64_t seen, cookie;
	unsigned int i, n, k;
	uint32_t len;

	driver_rig_init(&pair, FORMAT, 0);
	for (i = 0; i < RIG_SIZE; i++)
		buffers[i] = in_out[0];
	for (i = 0; i < 200; i++) {
		/* long ones, then a single short one, then as many as fit */
		for (n = 0; n < (i % 3 == 1 ? 1 : RIG_SIZE) &&
		     vq_driver_add(pair.d, buffers, i % 3 ? 1 :
				   lengths[(i / 3 + n) % 9], n) == 0; n++)
			;
		vq_driver_publish(pair.d);
		for (k = 0, seen = 0; k < n; k++) {
			serve_one(&pair, 0);
			ck_assert_int_eq(vq_driver_collect(pair.d, &cookie, &len),
					 1);
			seen |= UINT64_C(1) << cookie;
		}
		ck_assert_uint_eq(seen, (UINT64_C(1) << n) - 1);
	}
}
END_TEST

START_TEST(long_requests_go_through_tables)
{
	uint32_t i;

	driver_rig_init(&pair, FORMAT | VQ_F_INDIRECT_DESC, 4);
	for (i = 0; i < RIG_SIZE; i++)
		ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, i), 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, 0), -ENOSPC);
	vq_driver_publish(pair.d);
	for (i = 0; i < RIG_SIZE; i++) {
		serve_one(&pair, 1);
		ck_assert_uint_eq(pair.r.chain.nwritable, 2);
		ck_collects(&pair, i, 1);
	}
}
END_TEST

START_TEST(requests_come_back_in_the_devices_order)
{
	struct vq_chain other;
	struct iovec iov[4];

	driver_rig_init(&pair, FORMAT, 0);
	other.iov = iov;
	other.iov_max = 4;
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, 1), 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 2, 2), 0);
	vq_driver_publish(pair.d);
	ck_assert_int_eq(rig_pop(&pair.r), 1);
	ck_assert_int_eq(vq_pop(pair.r.q, &other), 1);
	vq_push(pair.r.q, &other, 7);
	vq_push(pair.r.q, &pair.r.chain, 8);
	vq_publish(pair.r.q);
	/* or in the order of arrival, if negotiated */
	if (FORMAT & VQ_F_IN_ORDER)
		ck_collects(&pair, 1, 8);
	ck_collects(&pair, 2, 7);
	if (!(FORMAT & VQ_F_IN_ORDER))
		ck_collects(&pair, 1, 8);
}
END_TEST

static void ck_kicks(uint64_t features)
{
	struct driver_rig p;

	driver_rig_init(&p, features, 0);
	vq_disable_notify(p.r.q);
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 1), 0);
	vq_driver_publish(p.d);		/* may ask: it is the first */
	serve_one(&p, 0);
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 2), 0);
	ck_assert(!vq_driver_publish(p.d));
	ck_assert(vq_enable_notify(p.r.q));
	serve_one(&p, 0);
	ck_assert(!vq_enable_notify(p.r.q));
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 3), 0);
	ck_assert(vq_driver_publish(p.d));
	ck_assert(!vq_driver_publish(p.d));
	driver_rig_fini(&p);
}

START_TEST(kick_is_wanted_only_when_asked_for)
{
	ck_kicks(FORMAT);
	ck_kicks(FORMAT | VQ_F_EVENT_IDX);
}
END_TEST

static void ck_polled(uint64_t features)
{
	struct driver_rig p;

	driver_rig_init(&p, features, 0);
	vq_set_polled(p.r.q, true);
	vq_disable_notify(p.r.q);
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 1), 0);
	vq_driver_publish(p.d);		/* may request a kick: it is the first */
	ck_assert(vq_enable_notify(p.r.q));
	serve_one(&p, 0);
	ck_assert(!vq_enable_notify(p.r.q));
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 2), 0);
	ck_assert(!vq_driver_publish(p.d));
	serve_one(&p, 0);
	vq_set_polled(p.r.q, false);
	ck_assert(!vq_enable_notify(p.r.q));
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 3), 0);
	ck_assert(vq_driver_publish(p.d));
	driver_rig_fini(&p);
}

START_TEST(polled_queue_requests_no_kicks)
{
	ck_polled(FORMAT);
	ck_polled(FORMAT | VQ_F_EVENT_IDX);
}
END_TEST

static void ck_calls(uint64_t features)
{
	struct driver_rig p;
	uint32_t i;

	driver_rig_init(&p, features, 0);
	vq_driver_disable_call(p.d);
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, i), 0);
	vq_driver_publish(p.d);
	ck_assert(!serve_one(&p, 0));
	ck_assert(vq_driver_enable_call(p.d));
	ck_collects(&p, 0, 0);
	ck_assert(!vq_driver_enable_call(p.d));
	ck_assert(serve_one(&p, 0));
	ck_collects(&p, 1, 0);
	vq_driver_disable_call(p.d);
	ck_assert(!serve_one(&p, 0));
	driver_rig_fini(&p);
}

START_TEST(call_comes_only_when_asked_for)
{
	ck_calls(FORMAT);
	ck_calls(FORMAT | VQ_F_EVENT_IDX);
}
END_TEST

START_TEST(written_is_at_most_what_may_be_written)
{
	driver_rig_init(&pair, FORMAT, 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, 1), 0);
	vq_driver_publish(pair.d);
	serve_one(&pair, 0xffffffff);
	ck_collects(&pair, 1, 513);
}
END_TEST

static void ck_breaks(struct driver_rig *p)
{
	uint64_t cookie = 99;
	uint32_t len;

	ck_assert_int_eq(vq_driver_collect(p->d, &cookie, &len), -EBADMSG);
	ck_assert_int_eq(vq_driver_collect(p->d, &cookie, &len), -EBADMSG);
	ck_assert_uint_eq(cookie, 99);
}

START_TEST(used_index_that_jumps_breaks_the_driver)
{
	driver_rig_init(&pair, 0, 0);
	put16(&pair.r, pair.r.config.device_gpa + 2, RIG_SIZE + 1);
	ck_breaks(&pair);
}
END_TEST

START_TEST(used_id_that_is_not_out_breaks_the_driver)
{
	driver_rig_init(&pair, 0, 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 1, 1), 0);
	vq_driver_publish(pair.d);
	put16(&pair.r, pair.r.config.device_gpa + 4, 1);
	put16(&pair.r, pair.r.config.device_gpa + 2, 1);
	ck_breaks(&pair);
}
END_TEST

START_TEST(used_id_beyond_the_ring_breaks_the_driver)
{
	driver_rig_init(&pair, 0, 0);
	memset(pair.r.mem + pair.r.config.device_gpa + 4, 0xff, 8);
	put16(&pair.r, pair.r.config.device_gpa + 2, 1);
	ck_breaks(&pair);
}
END_TEST

START_TEST(used_id_of_a_packed_ring_that_is_not_out_breaks_the_driver)
{
	driver_rig_init(&pair, VQ_F_RING_PACKED, 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 1, 1), 0);
	vq_driver_publish(pair.d);
	put16(&pair.r, RING_GPA + 12, 1);
	put16(&pair.r, RING_GPA + 14, 0x8080);
	ck_breaks(&pair);
}
END_TEST

/* A device that gives n requests back at once, named by the last. */
static void forge_batch(struct driver_rig *p, uint16_t last, uint16_t n)
{
	if (p->r.config.features & VQ_F_RING_PACKED) {
		le_put(p->r.mem + RING_GPA + 8, 100, 4);
		put16(&p->r, RING_GPA + 12, last);
		put16(&p->r, RING_GPA + 14, 0x8082);
		return;
	}
	put16(&p->r, p->r.config.device_gpa + 4, last);
	put16(&p->r, p->r.config.device_gpa + 8, 100);
	put16(&p->r, p->r.config.device_gpa + 2, n);
}

START_TEST(in_order_device_may_name_the_last_of_several_only)
{
	uint16_t heads[3] = { 0, 0, 0 };
	uint32_t i;

	ck_assert_uint_ne(FORMAT & VQ_F_IN_ORDER, 0);
	driver_rig_init(&pair, FORMAT, 0);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, i), 0);
	vq_driver_publish(pair.d);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(rig_pop(&pair.r), 1);
		heads[i] = pair.r.chain.head;
	}
	forge_batch(&pair, heads[1], 2);
	ck_collects(&pair, 0, 513);
	ck_collects(&pair, 1, 100);
	ck_nothing(&pair);
	ck_assert_uint_eq(vq_driver_inflight(pair.d), 1);
}
END_TEST

START_TEST(reset_forgets_requests_on_both_sides)
{
	uint32_t i;

	driver_rig_init(&pair, FORMAT | VQ_F_RING_RESET, 0);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, i), 0);
	vq_driver_publish(pair.d);
	serve_one(&pair, 0);
	vq_disable(pair.r.q);
	vq_driver_reset(pair.d);
	ck_assert_uint_eq(vq_driver_inflight(pair.d), 0);
	ck_nothing(&pair);
	ck_assert_int_eq(vq_enable(pair.r.q, &pair.r.config, NULL), 0);
	ck_assert_int_eq(vq_driver_add(pair.d, in_out, 3, 77), 0);
	vq_driver_publish(pair.d);
	serve_one(&pair, 5);
	ck_collects(&pair, 77, 5);
}
END_TEST

START_TEST(notification_carries_the_index_and_with_data_the_position)
{
	struct driver_rig p;

	driver_rig_init(&p, FORMAT, 0);
	ck_assert_uint_eq(vq_driver_notification(p.d, 7), 7);
	driver_rig_fini(&p);
	driver_rig_init(&p, FORMAT | VQ_F_NOTIFICATION_DATA, 0);
	ck_assert_int_eq(vq_driver_add(p.d, in_out, 1, 0), 0);
	vq_driver_publish(p.d);
	ck_assert_uint_eq(vq_driver_notification(p.d, 7),
			  FORMAT & VQ_F_RING_PACKED ? 0x80010007 : 0x10007);
	driver_rig_fini(&p);
}
END_TEST

START_TEST(ring_outside_memory_is_refused)
{
	struct vq_driver_config c = { .size = 16, .gpa = RIG_MEMORY - 64 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vq_driver *d = NULL;
	struct rig r;

	rig_init(&r, 0);
	c.map = vmem_space_current(r.space);
	ck_assert_int_eq(vq_driver_new(&c, &d, &err), -EFAULT);
	ck_assert_int_eq(err.code, -EFAULT);
	c.gpa = RING_GPA + 8;
	ck_assert_int_eq(vq_driver_new(&c, &d, NULL), -EINVAL);
	c.gpa = RING_GPA;
	c.size = 5;
	ck_assert_int_eq(vq_driver_new(&c, &d, NULL), -EINVAL);
	c.size = 16;
	c.indirect_max = 4;
	ck_assert_int_eq(vq_driver_new(&c, &d, NULL), -EINVAL);
	ck_assert_ptr_null(d);
	vq_driver_free(NULL);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("driver");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, layout_refuses_illegal_sizes);
	tcase_add_test(tc, layout_of_a_packed_ring_takes_any_size);
	tcase_add_loop_test(tc, request_goes_there_and_back, 0, N_FORMATS);
	tcase_add_loop_test(tc, illegal_requests_are_refused, 0, N_FORMATS);
	tcase_add_loop_test(tc, room_comes_back_with_each_request, 0, N_FORMATS);
	tcase_add_loop_test(tc, ids_survive_rings_that_are_full_of_long_requests, 0,
			    N_FORMATS);
	tcase_add_loop_test(tc, long_requests_go_through_tables, 0, N_FORMATS);
	tcase_add_loop_test(tc, requests_come_back_in_the_devices_order, 0, N_FORMATS);
	tcase_add_loop_test(tc, kick_is_wanted_only_when_asked_for, 0, N_FORMATS);
	tcase_add_loop_test(tc, polled_queue_requests_no_kicks, 0, N_FORMATS);
	tcase_add_loop_test(tc, call_comes_only_when_asked_for, 0, N_FORMATS);
	tcase_add_loop_test(tc, written_is_at_most_what_may_be_written, 0, N_FORMATS);
	tcase_add_test(tc, used_index_that_jumps_breaks_the_driver);
	tcase_add_test(tc, used_id_that_is_not_out_breaks_the_driver);
	tcase_add_test(tc, used_id_beyond_the_ring_breaks_the_driver);
	tcase_add_test(tc, used_id_of_a_packed_ring_that_is_not_out_breaks_the_driver);
	tcase_add_loop_test(tc, in_order_device_may_name_the_last_of_several_only, FIRST_IN_ORDER,
			    N_FORMATS);
	tcase_add_loop_test(tc, reset_forgets_requests_on_both_sides, 0, N_FORMATS);
	tcase_add_loop_test(tc, notification_carries_the_index_and_with_data_the_position, 0, N_FORMATS);
	tcase_add_test(tc, ring_outside_memory_is_refused);
	return run_tcase(tc, "driver");
}

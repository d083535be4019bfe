/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device that returns a chain which it does not hold: the queue breaks,
 * and the driver sees no further used buffer.
 */
#include <config.h>

#include "util.h"

#define NCHAINS 3u

static struct rig r;
static struct vq_driver *driver;
static struct vq_chain chains[NCHAINS];
static struct iovec iov[NCHAINS];

/* A driver that made NCHAINS requests available, which the device popped. */
static void begin(uint64_t features)
{
	const struct vq_buffer buffer = { RIG_DATA, 64, 1 };
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);
	struct vq_driver_config config = { 0 };
	unsigned int i;

	rig_init_regions(&r, &region, 1, features);
	config = (struct vq_driver_config){
		.map = vmem_space_current(r.space), .gpa = RIG_DESC,
		.features = r.config.features, .size = RIG_SIZE,
	};
	ck_assert_int_eq(vq_driver_new(&config, &driver, NULL), 0);
	r.config.desc_gpa = vq_driver_desc_gpa(driver);
	r.config.driver_gpa = vq_driver_driver_gpa(driver);
	r.config.device_gpa = vq_driver_device_gpa(driver);
	if (features & VQ_F_RING_PACKED)
		r.config.base = vq_initial_base(r.config.features);
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	for (i = 0; i < NCHAINS; i++) {
		chains[i] = (struct vq_chain){ .iov = &iov[i], .iov_max = 1 };
		ck_assert_int_eq(vq_driver_add(driver, &buffer, 1, i), 0);
		vq_driver_publish(driver);
		ck_assert_int_eq(vq_pop(r.q, &chains[i]), 1);
	}
}

static unsigned int completed(void)
{
	unsigned int n = 0;
	uint64_t cookie;
	uint32_t written;

	while (vq_driver_collect(driver, &cookie, &written) == 1)
		n++;
	return n;
}

static void end(void)
{
	vq_driver_free(driver);
	rig_fini(&r);
}

START_TEST(d4_05_chain_that_was_pushed_before_breaks_the_queue)
{
	struct vsu_error err = VSU_ERROR_INIT;

	begin(FORMAT);
	vq_push(r.q, &chains[0], 0);
	vq_publish(r.q);
	vq_push(r.q, &chains[0], 0);
	vq_publish(r.q);
	ck_broken(&r, VQ_BROKEN_NOT_OUT);
	ck_assert_int_eq(vq_broken_error(r.q, &err), -EFAULT);
	ck_assert_ptr_nonnull(strstr(err.msg, "does not hold"));
	ck_assert_uint_eq(completed(), 1);
	ck_assert_uint_eq(vq_inflight(r.q), 2);
	vq_push(r.q, &chains[1], 0);
	vq_push(r.q, &chains[2], 0);
	ck_assert_uint_eq(vq_inflight(r.q), 0);
	end();
}
END_TEST

START_TEST(d4_05_chain_of_no_queue_breaks_the_queue)
{
	begin(FORMAT);
	chains[0].head = RIG_SIZE;
	vq_push(r.q, &chains[0], 0);
	ck_broken(&r, VQ_BROKEN_NOT_OUT);
	ck_assert_uint_eq(vq_inflight(r.q), NCHAINS);
	end();
}
END_TEST

START_TEST(d4_05_chain_that_was_pushed_cannot_be_unpopped)
{
	begin(FORMAT);
	vq_push(r.q, &chains[2], 0);
	vq_unpop(r.q, &chains[2]);
	ck_broken(&r, VQ_BROKEN_NOT_OUT);
	ck_assert_uint_eq(vq_inflight(r.q), 2);
	end();
}
END_TEST

/* A device that stops its work late, and twice. */
START_TEST(disabled_queue_ignores_a_repeated_chain)
{
	begin(FORMAT);
	vq_disable(r.q);
	vq_push(r.q, &chains[0], 0);
	vq_push(r.q, &chains[0], 0);
	vq_unpop(r.q, &chains[0]);
	ck_assert_uint_eq(vq_inflight(r.q), 2);
	vq_push(r.q, &chains[1], 0);
	vq_push(r.q, &chains[2], 0);
	ck_assert_int_eq(vq_broken(r.q), VQ_OK);
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("returned");

	tcase_add_loop_test(tc, d4_05_chain_that_was_pushed_before_breaks_the_queue, 0, N_FORMATS);
	tcase_add_loop_test(tc, d4_05_chain_of_no_queue_breaks_the_queue, 0, N_FORMATS);
	tcase_add_loop_test(tc, d4_05_chain_that_was_pushed_cannot_be_unpopped, 0, N_FORMATS);
	tcase_add_loop_test(tc, disabled_queue_ignores_a_repeated_chain, 0, N_FORMATS);
	return run_tcase(tc, "returned");
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about rings of every size, full and over their end, and what is counted. */
#include <config.h>

#include "util.h"

#define RING	0x1000u
#define DATA	(RIG_MEMORY - 0x1000u)
#define BATCH	64u
#define LEN	24u

struct driver_rig {
	struct rig r;
	struct vq_driver *d;
	struct vq_chain chains[BATCH];
	struct iovec iov[BATCH];
	uint64_t sent, got;
};

static void driver_rig_init(struct driver_rig *p, uint64_t features, uint32_t size)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);
	struct vq_driver_config c = { .features = features, .size = size,
				      .gpa = RING };
	uint32_t i;

	memset(p, 0, sizeof(*p));
	rig_init_regions(&p->r, &region, 1, features);
	c.map = vmem_space_current(p->r.space);
	ck_assert_int_eq(vq_driver_new(&c, &p->d, NULL), 0);
	p->r.config.size = size;
	p->r.config.base = vq_initial_base(features);
	p->r.config.desc_gpa = vq_driver_desc_gpa(p->d);
	p->r.config.driver_gpa = vq_driver_driver_gpa(p->d);
	p->r.config.device_gpa = vq_driver_device_gpa(p->d);
	ck_assert_int_eq(vq_enable(p->r.q, &p->r.config, NULL), 0);
	for (i = 0; i < BATCH; i++) {
		p->chains[i].iov = &p->iov[i];
		p->chains[i].iov_max = 1;
	}
}

static void driver_rig_fini(struct driver_rig *p)
{
	vq_driver_free(p->d);
	rig_fini(&p->r);
}

/* Adds as many requests as the ring has room for. */
static void fill(struct driver_rig *p)
{
	struct vq_buffer buffer = { DATA, LEN, 1 };

	while (vq_driver_add(p->d, &buffer, 1, p->sent) == 0)
		p->sent++;
	vq_driver_publish(p->d);
}

static void serve_all(struct driver_rig *p)
{
	uint32_t written[BATCH];
	int i, n;

	for (i = 0; i < (int)BATCH; i++)
		written[i] = LEN;
	while ((n = vq_pop_batch(p->r.q, p->chains, BATCH)) > 0) {
		vq_push_batch(p->r.q, p->chains, written, (unsigned int)n);
		vq_publish(p->r.q);
	}
	ck_assert_int_eq(n, 0);
}

static void collect_all(struct driver_rig *p)
{
	uint32_t written;
	uint64_t cookie;

	while (vq_driver_collect(p->d, &cookie, &written) == 1) {
		if (cookie != p->got || written != LEN)
			ck_abort_msg("request %u came back as %u",
				     (unsigned int)p->got,
				     (unsigned int)cookie);
		p->got++;
	}
}

/* Three times full: over the end with either wrap counter. */
static void ck_full_ring_works(uint64_t features, uint32_t size)
{
	struct driver_rig p;
	int i;

	driver_rig_init(&p, features, size);
	for (i = 1; i <= 3; i++) {
		fill(&p);
		ck_assert_uint_eq(p.sent, (uint64_t)size * (uint64_t)i);
		serve_all(&p);
		collect_all(&p);
		ck_assert_uint_eq(p.got, p.sent);
	}
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_CHAINS), 3 * size);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_BYTES),
			  (uint64_t)LEN * 3 * size);
	ck_assert_uint_eq(vq_inflight(p.r.q), 0);
	driver_rig_fini(&p);
}

START_TEST(split_rings_of_every_size_work_when_full)
{
	ck_full_ring_works(_i & 1 ? VQ_F_EVENT_IDX : 0, 1u << _i / 2);
}
END_TEST

static const uint32_t packed_sizes[] = {
	1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 31, 63, 64, 65, 100, 127, 255, 256, 257,
	1000, 1023, 4095, 4097, 16383, 16385, 32766, 32767, 32768,
};

START_TEST(packed_rings_of_any_size_work_when_full)
{
	ck_full_ring_works(VQ_F_RING_PACKED, packed_sizes[_i]);
	ck_full_ring_works(VQ_F_RING_PACKED | VQ_F_EVENT_IDX | VQ_F_IN_ORDER,
			   packed_sizes[_i]);
}
END_TEST

START_TEST(counters_count_chains_and_notifications)
{
	struct driver_rig p;

	driver_rig_init(&p, FORMAT, 4);
	serve_all(&p);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_EMPTY), 1);
	fill(&p);
	serve_all(&p);
	collect_all(&p);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_NOTIFIED), 1);
	vq_driver_disable_call(p.d);
	fill(&p);
	serve_all(&p);
	/* nothing new: that is no notification at all */
	vq_publish(p.r.q);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_NOTIFIED), 1);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_SUPPRESSED), 1);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_EMPTY), 3);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_CHAINS), 8);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_FAULTS), 0);
	ck_assert_uint_eq(vq_counter(p.r.q, (enum vq_counter)99), 0);
	driver_rig_fini(&p);
}
END_TEST

START_TEST(chain_given_back_is_not_counted)
{
	struct driver_rig p;

	driver_rig_init(&p, FORMAT, 4);
	fill(&p);
	ck_assert_int_eq(vq_pop(p.r.q, &p.chains[0]), 1);
	vq_unpop(p.r.q, &p.chains[0]);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_CHAINS), 0);
	ck_assert_uint_eq(vq_counter(p.r.q, VQ_COUNT_BYTES), 0);
	driver_rig_fini(&p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("sizes");

	tcase_add_loop_test(tc, split_rings_of_every_size_work_when_full, 0,
			    2 * 16);
	tcase_add_loop_test(tc, packed_rings_of_any_size_work_when_full, 0,
			    (int)ARRAY_SIZE(packed_sizes));
	tcase_add_loop_test(tc, counters_count_chains_and_notifications, 0, N_FORMATS);
	tcase_add_loop_test(tc, chain_given_back_is_not_counted, 0, N_FORMATS);
	return run_tcase(tc, "sizes");
}

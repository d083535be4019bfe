/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about memory: an enabled queue allocates none. The linker redirects the library's
 * calls of the allocator to this program.
 */
#include <config.h>

#include "util.h"

/*
 * Names that the linker redirects are referenced from other objects, too, such as the
 * runtime of a sanitizer.
 */
#pragma GCC visibility push(default)
void *__real_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_realloc(void *p, size_t size);
#pragma GCC visibility pop

static unsigned int allocations;

void *__wrap_calloc(size_t n, size_t size)
{
	allocations++;
	return __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	allocations++;
	return __real_malloc(size);
}

void *__wrap_realloc(void *p, size_t size)
{
	allocations++;
	return __real_realloc(p, size);
}

static const struct vq_buffer buffers[3] = {
	{ RIG_DATA, 16, 0 }, { RIG_DATA + 64, 32, 1 }, { RIG_DATA + 128, 1, 1 },
};

static void serve(struct rig *r, struct vq_driver *d)
{
	struct vq_cursor w;
	uint64_t cookie;
	uint32_t written;

	/* not ck_assert, which allocates */
	if (vq_driver_add(d, buffers, 3, 1))
		ck_abort();
	vq_driver_publish(d);
	vq_disable_notify(r->q);
	if (vq_pop(r->q, &r->chain) != 1)
		ck_abort();
	vq_writer_init(&w, r->q, &r->chain);
	vq_push(r->q, &r->chain, vq_cursor_zero(&w, 33));
	vq_publish(r->q);
	if (vq_enable_notify(r->q))
		ck_abort();
	if (vq_driver_collect(d, &cookie, &written) != 1)
		ck_abort();
}

static void ck_no_allocation(uint64_t features, bool tracked)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 12);
	struct vq_driver_config c = {
		.features = features | VQ_F_INDIRECT_DESC, .size = RIG_SIZE,
		.gpa = RIG_DESC, .indirect_max = 4, .indirect_gpa = 0x80000,
	};
	uint64_t area[128];
	struct vq_driver *d = NULL;
	struct rig r;
	int i;

	memset(area, 0, sizeof(area));
	rig_init_regions(&r, &region, 1, c.features);
	c.map = vmem_space_current(r.space);
	ck_assert_int_eq(vq_driver_new(&c, &d, NULL), 0);
	r.config.base = vq_initial_base(c.features);
	r.config.driver_gpa = vq_driver_driver_gpa(d);
	r.config.device_gpa = vq_driver_device_gpa(d);
	ck_assert_uint_gt(allocations, 0);
	ck_assert_uint_le(vq_inflight_size(RIG_SIZE, c.features), sizeof(area));
	if (tracked)
		ck_assert_int_eq(vq_set_inflight(r.q, area, RIG_SIZE), 0);
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	allocations = 0;
	for (i = 0; i < 1000; i++)
		serve(&r, d);
	vq_disable(r.q);
	ck_assert_uint_eq(allocations, 0);
	vq_driver_free(d);
	rig_fini(&r);
}

START_TEST(enabled_queue_allocates_nothing)
{
	ck_no_allocation(FORMAT, false);
	ck_no_allocation(FORMAT, true);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("alloc");

	tcase_add_loop_test(tc, enabled_queue_allocates_nothing, 0, N_FORMATS);
	return run_tcase(tc, "alloc");
}

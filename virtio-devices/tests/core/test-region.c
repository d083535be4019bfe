/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about shared memory regions between a model and its server. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/device.h>

#include "../suite.h"

/* The last request to the server, and its result. */
static struct {
	unsigned int calls;
	bool map;
	struct virtdev_mapping m;
	uint64_t cookie;
	int answer;
} asked;

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m,
		     uint64_t cookie)
{
	(void)opaque;
	asked.calls++;
	asked.map = map;
	asked.m = *m;
	asked.cookie = cookie;
	return asked.answer;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	*gpa = UINT64_C(0x100000000) * region;
	return 0;
}

static const struct virtdev_server_ops server = {
	.size = sizeof(server), .region_change = on_change,
	.region_address = on_address,
};

static uint64_t done_cookie;
static int done_result;

static void on_done(void *self, uint64_t cookie, int result)
{
	(void)self;
	done_cookie = cookie;
	done_result = result;
}

static const struct virtdev_ops ops = {
	.size = sizeof(ops), .name = "model", .region_done = on_done,
};

static struct virtdev *dev;

static void setup(void)
{
	const struct virtdev_info info = {
		.id = 42, .nqueues = 1, .queue_size_max = 16, .nregions = 2,
		.regions = { { .id = 3, .len = 0x4000 },
			     { .id = 0, .len = 0x1000,
			       .flags = VIRTDEV_REGION_APART } },
	};

	memset(&asked, 0, sizeof(asked));
	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(dev, &server, NULL), 0);
}

static void teardown(void)
{
	virtdev_free(dev);
}

static const struct virtdev_mapping mapping = {
	.region = 3, .len = 0x4000, .fd = 1, .fd_offset = 0x7000,
};

START_TEST(mapping_is_passed_to_the_server_unchanged)
{
	ck_assert_int_eq(virtdev_region_map(dev, &mapping, 17), 0);
	ck_assert_uint_eq(asked.calls, 1);
	ck_assert(asked.map);
	ck_assert_uint_eq(asked.m.region, 3);
	ck_assert_uint_eq(asked.m.len, 0x4000);
	ck_assert_uint_eq(asked.m.fd_offset, 0x7000);
	ck_assert_uint_eq(asked.cookie, 17);
	ck_assert_int_eq(virtdev_region_unmap(dev, &mapping, 18), 0);
	ck_assert(!asked.map);
	ck_assert_uint_eq(asked.cookie, 18);
}
END_TEST

START_TEST(delayed_result_is_passed_to_the_model)
{
	asked.answer = 1;
	ck_assert_int_eq(virtdev_region_map(dev, &mapping, 17), 1);
	virtdev_region_done(dev, 17, -EREMOTEIO);
	ck_assert_uint_eq(done_cookie, 17);
	ck_assert_int_eq(done_result, -EREMOTEIO);
}
END_TEST

static const struct virtdev_mapping bad[] = {
	{ .region = 1, .len = 0x1000, .fd = 1 },
	{ .region = 3, .len = 0, .fd = 1 },
	{ .region = 3, .len = 0x5000, .fd = 1 },
	{ .region = 3, .offset = 0x4000, .len = 0x1000, .fd = 1 },
	{ .region = 3, .offset = 0x800, .len = 0x1000, .fd = 1 },
	{ .region = 3, .len = 0x800, .fd = 1 },
	{ .region = 3, .offset = UINT64_MAX - 0xfff, .len = 0x2000, .fd = 1 },
	{ .region = 3, .len = UINT64_MAX - 0xfff, .fd = 1 },
	{ .region = 3, .len = 0x1000, .fd = -1 },
	{ .region = 3, .len = 0x1000, .fd = 1, .fd_offset = 0x10 },
	{ .region = 3, .len = 0x1000, .fd = 1,
	  .fd_offset = INT64_MAX - 0xfff },
};

START_TEST(invalid_mapping_is_not_passed_to_the_server)
{
	ck_assert_int_eq(virtdev_region_map(dev, &bad[_i], 1), -EINVAL);
	ck_assert_uint_eq(asked.calls, 0);
}
END_TEST

START_TEST(regions_without_server_support_return_eopnotsupp)
{
	uint64_t gpa = 5;

	(void)!virtdev_set_server(dev, NULL, NULL);
	ck_assert_int_eq(virtdev_region_map(dev, &mapping, 1), -EOPNOTSUPP);
	ck_assert_int_eq(virtdev_region_unmap(dev, &mapping, 1), -EOPNOTSUPP);
	ck_assert_int_eq(virtdev_region_address(dev, 3, &gpa), -EOPNOTSUPP);
	ck_assert_uint_eq(gpa, 5);
}
END_TEST

START_TEST(address_of_a_region_is_that_of_the_server)
{
	uint64_t gpa = 5;

	ck_assert_int_eq(virtdev_region_address(dev, 1, &gpa), -EINVAL);
	ck_assert_uint_eq(gpa, 5);
	ck_assert_int_eq(virtdev_region_address(dev, 3, &gpa), 0);
	ck_assert_uint_eq(gpa, UINT64_C(0x300000000));
}
END_TEST

static const struct virtdev_info impossible[] = {
	{ .id = 4, .nqueues = 1, .queue_size_max = 16,
	  .nregions = 1 },
	{ .id = 4, .nqueues = 1, .queue_size_max = 16,
	  .nregions = 1, .regions = { { .len = 0x1001 } } },
	{ .id = 4, .nqueues = 1, .queue_size_max = 16,
	  .nregions = 1, .regions = { { .len = UINT64_C(1) << 63 } } },
	{ .id = 4, .nqueues = 1, .queue_size_max = 16,
	  .nregions = 2, .regions = { { .len = 0x1000 }, { .len = 0x1000 } } },
	{ .id = 4, .nqueues = 1, .queue_size_max = 16,
	  .nregions = VIRTDEV_REGIONS + 1 },
};

START_TEST(invalid_regions_are_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *none = NULL;

	ck_assert_int_eq(virtdev_new(&ops, &impossible[_i], NULL, &none, &err),
			 -EINVAL);
	ck_assert_ptr_null(none);
	ck_assert_ptr_nonnull(strstr(err.msg, "info->regions"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("region");
	TCase *tc = tcase_create("region");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, mapping_is_passed_to_the_server_unchanged);
	tcase_add_test(tc, delayed_result_is_passed_to_the_model);
	tcase_add_loop_test(tc, invalid_mapping_is_not_passed_to_the_server,
			    0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(tc, regions_without_server_support_return_eopnotsupp);
	tcase_add_test(tc, address_of_a_region_is_that_of_the_server);
	tcase_add_loop_test(tc, invalid_regions_are_refused, 0,
			    sizeof(impossible) / sizeof(impossible[0]));

	return run_suite(s);
}

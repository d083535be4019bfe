/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about disks that grow while they are served. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/rng.h>

#include "../guest.h"
#include "../image.h"
#include "../suite.h"

#define MIB (UINT64_C(1) << 20)

static struct vsu_error err;
static struct virtdev *dev;
static unsigned int notifications;

static void on_told(void *opaque)
{
	(void)opaque;
	notifications++;
}

static void device_make(const char *name, bool read_only, uint32_t engine)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .config_changed = on_told,
	};
	struct virtdev_blk_config config = { .size = sizeof(config) };

	ck_assert_msg(!disk_open(name, read_only, engine, &config.disk, &err), "%s", err.msg);
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), 0);
	ck_assert_int_eq(virtdev_set_server(dev, &server, NULL), 0);
}

static void setup(void)
{
	folder_init(engine_works(VIRTDEV_DISK_ENGINE_MMAP) ? "/dev/shm" : "/tmp");
	memset(&err, 0, sizeof(err));
	dev = NULL;
	notifications = 0;
	image_make("image", MIB);
}

static void teardown(void)
{
	virtdev_free(dev);
	folder_fini();
}

/* The capacity that the driver reads, in sectors. */
static uint64_t capacity(void)
{
	unsigned char le[8];
	uint64_t value = 0;
	int i;

	virtdev_config_read(dev, 0, le, sizeof(le));
	for (i = 7; i >= 0; i--)
		value = value << 8 | le[i];
	return value;
}

static uint64_t file_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat("image", &st), 0);
	return (uint64_t)st.st_size;
}

static const uint32_t engines[] = {
	VIRTDEV_DISK_ENGINE_SYNC, VIRTDEV_DISK_ENGINE_IO_URING,
	VIRTDEV_DISK_ENGINE_MMAP, VIRTDEV_DISK_ENGINE_AUTO,
};

START_TEST(image_grows_with_its_disk_and_the_driver_is_notified)
{
	device_make("image", false, engines[_i]);
	ck_assert_int_eq(virtdev_blk_resize(dev, 3 * MIB, &err), 0);
	ck_assert_uint_eq(capacity(), 3 * MIB / 512);
	ck_assert_uint_eq(file_size(), 3 * MIB);
	ck_assert_uint_eq(notifications, 1);
}
END_TEST

/*
 * Writes and reads across every sector boundary, including the old end of the
 * file.
 */
static void check_content(struct test_disk *d, uint64_t sectors)
{
	/* valgrind does not track io_uring */
	unsigned char want[1024], got[1024] = { 0 };
	uint64_t i;

	for (i = 0; i + 1 < sectors; i++) {
		memset(want, (int)(i % 251 + 1), sizeof(want));
		ck_assert_int_eq(test_disk_do(d, VIRTDEV_DISK_WRITE, i * 512,
					      want, sizeof(want)), 0);
		ck_assert_int_eq(test_disk_do(d, VIRTDEV_DISK_READ, i * 512,
					      got, sizeof(got)), 0);
		ck_assert_mem_eq(got, want, sizeof(got));
	}
}

START_TEST(added_sectors_are_read_and_written)
{
	static struct test_disk d;
	uint64_t sectors = 8, grown;
	unsigned int i;

	image_make("small", sectors * 512);
	test_disk_init(&d, "small", engines[_i], 4);
	/* more often than the maximum number of mappings of a mapped image */
	for (i = 0; i < 20; i++, sectors++) {
		ck_assert_int_eq(d.disk->ops.resize(d.disk->self,
						    (sectors + 1) * 512, &grown,
						    &err), 0);
		ck_assert_uint_eq(grown, (sectors + 1) * 512);
		check_content(&d, sectors + 1);
	}
	test_disk_fini(&d);
}
END_TEST

START_TEST(unchanged_size_is_not_reported)
{
	device_make("image", false, VIRTDEV_DISK_ENGINE_SYNC);
	ck_assert_int_eq(virtdev_blk_resize(dev, MIB, &err), 0);
	ck_assert_int_eq(virtdev_blk_resize(dev, 0, &err), 0);
	ck_assert_uint_eq(capacity(), MIB / 512);
	ck_assert_uint_eq(notifications, 0);
}
END_TEST

START_TEST(growth_by_another_process_is_detected)
{
	device_make("image", true, VIRTDEV_DISK_ENGINE_SYNC);
	ck_assert_int_eq(truncate("image", (off_t)(2 * MIB + 100)), 0);
	ck_assert_uint_eq(capacity(), MIB / 512);
	ck_assert_int_eq(virtdev_blk_resize(dev, 0, &err), 0);
	ck_assert_uint_eq(capacity(), 2 * MIB / 512);
	ck_assert_uint_eq(notifications, 1);
}
END_TEST

static const struct refusal {
	uint64_t bytes;
	bool read_only;
	int code;
	const char *why;
} refusals[] = {
	{ MIB - 512, false, -EINVAL, "it can grow, but not shrink" },
	{ 2 * MIB + 1, false, -EINVAL, "not a multiple" },
	{ 2 * MIB, true, -EROFS, "make it larger first" },
	{ UINT64_MAX - 511, false, -EFBIG, "a file cannot have" },
};

START_TEST(invalid_resize_is_refused_and_changes_nothing)
{
	const struct refusal *x = &refusals[_i];

	device_make("image", x->read_only, VIRTDEV_DISK_ENGINE_SYNC);
	ck_assert_int_eq(virtdev_blk_resize(dev, x->bytes, &err), x->code);
	ck_assert_msg(strstr(err.msg, x->why), "%s", err.msg);
	ck_assert_uint_eq(capacity(), MIB / 512);
	ck_assert_uint_eq(file_size(), MIB);
	ck_assert_uint_eq(notifications, 0);
}
END_TEST

START_TEST(truncated_file_does_not_shrink_the_disk)
{
	device_make("image", false, VIRTDEV_DISK_ENGINE_SYNC);
	ck_assert_int_eq(truncate("image", 4096), 0);
	ck_assert_int_eq(virtdev_blk_resize(dev, 0, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "has 4096 bytes, fewer than the guest has seen"));
	ck_assert_uint_eq(capacity(), MIB / 512);
}
END_TEST

START_TEST(disk_without_a_file_keeps_its_size)
{
	struct virtdev_blk_config config = { .size = sizeof(config) };

	ck_assert_int_eq(virtdev_disk_null_new(MIB, &config.disk, &err), 0);
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), 0);
	ck_assert_int_eq(virtdev_blk_resize(dev, 2 * MIB, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot be resized"));
}
END_TEST

START_TEST(resize_refuses_other_devices)
{
	const struct virtdev_rng_config config = { .size = sizeof(config) };

	ck_assert_int_eq(virtdev_rng_new(&config, &dev, &err), 0);
	ck_assert_int_eq(virtdev_blk_resize(dev, MIB, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("resize");
	TCase *tc = tcase_create("resize");
	const char *lack;
	int i;

	tcase_add_checked_fixture(tc, setup, teardown);
	for (i = 0; i < (int)(sizeof(engines) / sizeof(engines[0])); i++) {
		lack = engine_works(engines[i]) ? NULL : "the engine does not work on this host";
		tcase_add_loop_test_unless(tc, lack, image_grows_with_its_disk_and_the_driver_is_notified,
					   i, i + 1);
		tcase_add_loop_test_unless(tc, lack, added_sectors_are_read_and_written, i, i + 1);
	}
	tcase_add_test(tc, unchanged_size_is_not_reported);
	tcase_add_test(tc, growth_by_another_process_is_detected);
	tcase_add_loop_test(tc, invalid_resize_is_refused_and_changes_nothing, 0,
			    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_test(tc, truncated_file_does_not_shrink_the_disk);
	tcase_add_test(tc, disk_without_a_file_keeps_its_size);
	tcase_add_test(tc, resize_refuses_other_devices);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

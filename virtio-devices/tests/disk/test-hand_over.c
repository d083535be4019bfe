/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about images that one process hands over to another. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/rng.h>

#include "../fake-disk.h"
#include "../image.h"
#include "../suite.h"
#include "disk/file.h"
#include "disk/priv.h"

static struct vsu_error err;
static struct virtdev_disk *disk;	/* of source */
static struct virtdev *source, *destination;

static struct virtdev *make_device(bool read_only, bool unlocked,
				   struct virtdev_disk **out)
{
	const struct virtdev_disk_file file = {
		.size = sizeof(file), .path = "image", .read_only = read_only,
		.unlocked = unlocked,
	};
	struct virtdev_blk_config config = { .size = sizeof(config) };
	struct virtdev *dev;

	ck_assert_msg(!virtdev_disk_file_open(&file, &config.disk, &err), "%s", err.msg);
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), 0);
	if (out)
		*out = config.disk;
	return dev;
}

static void setup(void)
{
	folder_init("/tmp");
	memset(&err, 0, sizeof(err));
	image_make("image", 1 << 20);
	source = make_device(false, false, &disk);
	destination = make_device(false, true, NULL);
}

static void teardown(void)
{
	virtdev_free(source);
	virtdev_free(destination);
	folder_fini();
}

/* Whether a third process could open the image. */
static int third_open(bool read_only)
{
	struct virtdev_disk *third;
	int rc = disk_open("image", read_only, VIRTDEV_DISK_ENGINE_AUTO, &third, NULL);

	if (!rc)
		virtdev_disk_free(third);
	return rc;
}

START_TEST(lock_moves_from_one_disk_to_the_other)
{
	ck_assert_int_eq(virtdev_blk_set_locked(destination, true, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "'image' is in use by another program"));
	ck_assert_int_eq(virtdev_blk_set_locked(source, false, &err), 0);
	ck_assert_int_eq(virtdev_blk_set_locked(destination, true, &err), 0);
	ck_assert_int_eq(virtdev_blk_set_locked(source, true, &err), -EBUSY);
	ck_assert_int_eq(third_open(true), -EBUSY);
	virtdev_free(destination);
	destination = NULL;
	ck_assert_int_eq(virtdev_blk_set_locked(source, true, &err), 0);
}
END_TEST

START_TEST(refused_lock_leaves_no_byte_locked)
{
	ck_assert_int_eq(virtdev_blk_set_locked(destination, true, &err), -EBUSY);
	ck_assert_int_eq(virtdev_blk_set_locked(source, false, &err), 0);
	ck_assert_int_eq(third_open(false), 0);
	ck_assert_int_eq(virtdev_blk_set_locked(source, true, &err), 0);
}
END_TEST

START_TEST(readers_share_the_lock_that_they_acquire_late)
{
	virtdev_free(source);
	virtdev_free(destination);
	source = make_device(true, true, &disk);
	destination = make_device(true, true, NULL);
	ck_assert_int_eq(virtdev_blk_set_locked(source, true, &err), 0);
	ck_assert_int_eq(virtdev_blk_set_locked(destination, true, &err), 0);
	ck_assert_int_eq(third_open(false), -EBUSY);
	ck_assert_int_eq(virtdev_blk_flush(source, &err), 0);
}
END_TEST

START_TEST(flush_reports_an_earlier_failure)
{
	ck_assert_int_eq(virtdev_blk_flush(source, &err), 0);
	disk->file->flush_error = -EIO;
	ck_assert_int_eq(virtdev_blk_flush(source, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot flush 'image'"));
}
END_TEST

static struct virtdev_disk_identity identify(struct virtdev *dev)
{
	struct virtdev_disk_identity id;

	ck_assert_msg(!virtdev_blk_identify(dev, &id, &err), "%s", err.msg);
	return id;
}

static void change_image(uint64_t at, const char *text, time_t seconds)
{
	const struct timespec times[] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
	int fd = open("image", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(pwrite(fd, text, strlen(text), (off_t)at), (ssize_t)strlen(text));
	ck_assert_int_eq(futimens(fd, times), 0);
	close(fd);
}

START_TEST(e3_28_identity_shows_changes_of_the_ends_and_the_time)
{
	const uint64_t ends[] = { 0, 65535, (1 << 20) - 1, (1 << 20) - 65536 };
	struct virtdev_disk_identity before, now;
	size_t i;

	change_image(0, "", 1000);
	before = identify(source);
	now = identify(destination);
	ck_assert_mem_eq(&before, &now, sizeof(now));
	ck_assert_uint_eq(before.bytes, 1 << 20);
	ck_assert_int_eq(before.seconds, 1000);
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++, before = now) {
		change_image(ends[i], "x", 1000);
		now = identify(source);
		ck_assert_msg(now.sum != before.sum, "byte %" PRIu64, ends[i]);
	}
	change_image(1 << 19, "x", 1001);
	now = identify(source);
	ck_assert_uint_eq(now.sum, before.sum);
	ck_assert_int_eq(now.seconds, 1001);
}
END_TEST

START_TEST(identity_of_a_truncated_image_is_refused)
{
	struct virtdev_disk_identity id;

	ck_assert_int_eq(truncate("image", 4096), 0);
	ck_assert_int_eq(virtdev_blk_identify(source, &id, &err), -ENODATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot read 'image'"));
}
END_TEST

START_TEST(disk_without_a_file_has_no_lock)
{
	struct virtdev_disk_identity id;
	struct virtdev_blk_config config = { .size = sizeof(config) };

	virtdev_free(source);
	ck_assert_int_eq(virtdev_disk_null_new(1 << 20, &config.disk, &err), 0);
	ck_assert_int_eq(virtdev_blk_new(&config, &source, &err), 0);
	ck_assert_int_eq(virtdev_blk_set_locked(source, true, &err), -EOPNOTSUPP);
	ck_assert_int_eq(virtdev_blk_identify(source, &id, &err), -EOPNOTSUPP);
	ck_assert_int_eq(virtdev_blk_flush(source, &err), 0);
}
END_TEST

START_TEST(result_of_the_channels_flushes_is_reported)
{
	struct virtdev_blk_config config = { .size = sizeof(config) };
	struct fake_disk fake;

	fake_disk_init(&fake);
	fake_disk_make(&fake);
	config.disk = fake.disk;
	virtdev_free(source);
	ck_assert_int_eq(virtdev_blk_new(&config, &source, &err), 0);
	ck_assert_int_eq(virtdev_blk_flush(source, &err), 0);
	fake.result = -ENOSPC;
	ck_assert_int_eq(virtdev_blk_flush(source, &err), -ENOSPC);
	ck_assert_str_eq(err.msg, "the flush failed");
	virtdev_free(source);
	source = NULL;
	fake_disk_fini(&fake);
}
END_TEST

START_TEST(other_devices_are_refused)
{
	struct virtdev_disk_identity id;
	const struct virtdev_rng_config config = { .size = sizeof(config) };

	virtdev_free(source);
	ck_assert_int_eq(virtdev_rng_new(&config, &source, &err), 0);
	ck_assert_int_eq(virtdev_blk_set_locked(source, true, &err), -EINVAL);
	ck_assert_int_eq(virtdev_blk_flush(source, &err), -EINVAL);
	ck_assert_int_eq(virtdev_blk_identify(source, &id, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hand_over");
	TCase *tc = tcase_create("hand_over");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lock_moves_from_one_disk_to_the_other);
	tcase_add_test(tc, refused_lock_leaves_no_byte_locked);
	tcase_add_test(tc, readers_share_the_lock_that_they_acquire_late);
	tcase_add_test(tc, flush_reports_an_earlier_failure);
	tcase_add_test(tc, e3_28_identity_shows_changes_of_the_ends_and_the_time);
	tcase_add_test(tc, identity_of_a_truncated_image_is_refused);
	tcase_add_test(tc, disk_without_a_file_has_no_lock);
	tcase_add_test(tc, result_of_the_channels_flushes_is_reported);
	tcase_add_test(tc, other_devices_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

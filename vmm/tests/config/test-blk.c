/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about disks: which keys exclude each other, and what a program is told of a disk. */
#include <config.h>

#include <sys/stat.h>

#include <virtio-devices/blk.h>

#include "config/device_option.h"
#include "../util.h"

#define CONFIG_WRITEBACK 32u	/* of the configuration space */

static struct vmm_device_spec spec;
static struct virtdev *dev;
static struct vsu_error err;
static char folder[] = "/tmp/test-blk.XXXXXX";

static void setup(void)
{
	memset(&spec, 0, sizeof(spec));
	vsu_error_clear(&err);
	dev = NULL;
	strcpy(folder, "/tmp/test-blk.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(setenv("TMPDIR", folder, 1), 0);
	close(open("disk", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(truncate("disk", 8192), 0);
	close(open("top", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
}

static void teardown(void)
{
	virtdev_free(dev);
	unlink("disk");
	unlink("top");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void parse(const char *keys)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, keys };

	ck_assert_msg(!vmm_device_option_parse(&option, NULL, &spec, &err), "%s: %s", keys, err.msg);
}

static int open_disk(const char *keys)
{
	const struct devkind_common common = { .queues = 1 };

	parse(keys);
	return spec.kind->open(spec.config, &common, &dev, &err);
}

static bool is_overlay(void)
{
	struct stat st;

	ck_assert_int_eq(stat("top", &st), 0);
	return st.st_size > 0;
}

static const struct {
	const char *keys, *says;
} excluded[] = {
	{ "blk,path=disk,overlay=top,snapshot=on", "overlay and snapshot exclude each other" },
	{ "blk,path=nbd://host/x,overlay=top", "'nbd://host/x' is not a file, which overlay requires" },
	{ "blk,path=nbd://host/x,snapshot=on", "'nbd://host/x' is not a file, which snapshot requires" },
	{ "blk,path=disk,readonly=on,overlay=top", "readonly and overlay exclude each other" },
	{ "blk,path=disk,readonly=on,snapshot=on", "readonly and snapshot exclude each other" },
	{ "blk,path=disk,engine=io_uring,overlay=top", "engine=io_uring is not supported with overlay" },
	{ "blk,path=disk,engine=mmap,snapshot=on", "engine=mmap is not supported with snapshot" },
	{ "blk,path=disk,cache=none,snapshot=on", "cache=none is not supported with snapshot" },
	{ "blk,path=disk,cache=directsync,overlay=top", "cache=directsync is not supported with overlay" },
	{ "blk,path=nbd://host/x,engine=sync", "is not a file, which engine, block-size, locking" },
	{ "blk,path=nbd://host/x,block-size=4k", "is not a file, which engine, block-size, locking" },
	{ "blk,path=nbd://host/x,locking=off", "is not a file, which engine, block-size, locking" },
	{ "blk,path=nbd://host/x,cache=none", "is not a file, which engine, block-size, locking" },
	{ "blk,path=nbd://host/x,cache=directsync", "is not a file, which engine, block-size, locking" },
};

START_TEST(keys_that_exclude_each_other_are_refused_by_name)
{
	ck_assert_int_eq(open_disk(excluded[_i].keys), -EINVAL);
	ck_assert_msg(strstr(err.msg, excluded[_i].says) != NULL, "%s", err.msg);
	ck_assert(!is_overlay());
}
END_TEST

static const char *const together[] = {
	"blk,path=disk", "blk,path=disk,readonly=on", "blk,path=disk,locking=off,block-size=4k",
	"blk,path=disk,overlay=top", "blk,path=disk,overlay=top,engine=sync,cache=writethrough",
	"blk,path=disk,snapshot=on", "blk,path=disk,snapshot=on,engine=auto,cache=writeback",
	"blk,path=disk,engine=sync,format=raw",
};

START_TEST(other_keys_are_accepted_together)
{
	ck_assert_msg(!open_disk(together[_i]), "%s", err.msg);
	ck_assert_int_eq(is_overlay(), strstr(together[_i], "overlay=") != NULL);
}
END_TEST

static const struct {
	const char *cache;
	unsigned char writeback;
} caches[] = {
	{ "writeback", 1 }, { "writethrough", 0 }, { "none", 1 }, { "directsync", 0 },
};

START_TEST(guest_finds_a_write_cache_unless_each_write_is_durable)
{
	unsigned char found = 7;
	char keys[64];

	snprintf(keys, sizeof(keys), "blk,path=disk,cache=%s", caches[_i].cache);
	ck_assert_msg(!open_disk(keys), "%s", err.msg);
	virtdev_config_read(dev, CONFIG_WRITEBACK, &found, 1);
	ck_assert_uint_eq(found, caches[_i].writeback);
}
END_TEST

/* file: that it opens for the guest's writes, or the image. */
static const struct {
	const char *keys, *file;
	bool writes, temporary, locks, connects;
} facts[] = {
	{ "blk,path=disk", "disk", true, false, true, false },
	{ "blk,path=disk,readonly=on", "disk", false, false, true, false },
	{ "blk,path=disk,locking=off", "disk", true, false, false, false },
	{ "blk,path=disk,overlay=top", "top", true, false, true, false },
	{ "blk,path=disk,snapshot=on", "disk", false, true, true, false },
	{ "blk,path=nbd://host/x", NULL, true, false, true, true },
	{ "blk,path=nbd://host/x,readonly=on", NULL, false, false, true, true },
	{ "blk,path=./nbd://host/x", "./nbd://host/x", true, false, true, false },
};

START_TEST(program_is_told_which_file_is_written)
{
	struct devkind_facts got;

	parse(facts[_i].keys);
	got = devkind_facts_of(spec.kind, spec.config);
	ck_assert_pstr_eq(got.file, facts[_i].file);
	ck_assert_int_eq(got.writes, facts[_i].writes);
	ck_assert_int_eq(got.temporary, facts[_i].temporary);
	ck_assert_int_eq(got.locks, facts[_i].locks);
	ck_assert_int_eq(got.connects, facts[_i].connects);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk");
	TCase *tc = tcase_create("blk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, keys_that_exclude_each_other_are_refused_by_name, 0, COUNT(excluded));
	tcase_add_loop_test(tc, other_keys_are_accepted_together, 0, COUNT(together));
	tcase_add_loop_test(tc, guest_finds_a_write_cache_unless_each_write_is_durable, 0,
			    COUNT(caches));
	tcase_add_loop_test(tc, program_is_told_which_file_is_written, 0, COUNT(facts));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

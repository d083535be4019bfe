/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a shared folder on overlayfs, whose files change at their first write. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../folder.h"
#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;
static char place[64], recover[80];

/* A private mount table, and upper layers in memory at place. */
static int mount_memory(void)
{
	strcpy(place, "/tmp/test-overlay-XXXXXX");
	if (!mkdtemp(place) || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("upper", place, "tmpfs", 0, "mode=700");
}

static int mount_overlay(const char *folder)
{
	char options[256], name[96];

	snprintf(name, sizeof(name), "%s/upper", place);
	mkdir(name, 0700);
	snprintf(name, sizeof(name), "%s/work", place);
	mkdir(name, 0700);
	snprintf(options, sizeof(options), "index=off,lowerdir=%s,upperdir=%s/upper,workdir=%s/work",
		 folder, place, place);
	return mount("overlay", folder, "overlay", 0, options);
}

/* A trial in a process of its own. */
static const char *no_overlay(void)
{
	const pid_t child = fork();
	char folder[96];
	int status = 1;

	if (!child) {
		status = mount_memory();
		snprintf(folder, sizeof(folder), "%s/lower", place);
		mkdir(folder, 0700);
		status = status < 0 || mount_overlay(folder) < 0;
		umount2(folder, MNT_DETACH);
		umount2(place, MNT_DETACH);
		rmdir(place);
		_exit(status);
	}
	return waitpid(child, &status, 0) == child && !status ? NULL :
	       "overlayfs cannot be mounted (root)";
}

/* The lower layer contains the files of the rig. */
static void mount_rig(void)
{
	ck_assert_int_eq(mount_memory(), 0);
	fs_rig_folder(&r);
	fs_rig_put_file(&r, "one", "content");
	ck_assert_int_eq(linkat(r.dir, "one", r.dir, "two", 0), 0);
	close(r.dir);
	ck_assert_int_eq(mount_overlay(r.folder), 0);
	r.dir = open(r.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void setup(void)
{
	mount_rig();
	snprintf(recover, sizeof(recover), "%s/table", place);
	r.config.recover = recover;
	r.config.inodes = 16;
	r.config.handles = 8;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown(void)
{
	umount2(r.folder, MNT_DETACH);
	fs_rig_fini(&r);
	umount2(place, MNT_DETACH);
	rmdir(place);
}

static void check_read(uint64_t node, uint64_t fh, const char *content)
{
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, node, fh, 0, 100), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), strlen(content));
	ck_assert_mem_eq(fs_rig_answer(&r), content, strlen(content));
}

static int append(uint64_t node, uint64_t fh, const char *bytes)
{
	const struct fuse_write_in in = {
		.fh = fh, .size = (uint32_t)strlen(bytes), .flags = O_APPEND,
	};

	return fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), bytes, in.size);
}

START_TEST(handles_opened_before_the_first_write_read_the_new_content)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t early = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_WRONLY);

	check_read(file, early, "content");
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	check_read(file, early, "CONtent");
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "file"), file);
}
END_TEST

START_TEST(appends_reach_the_end_of_a_lower_file)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR | O_APPEND);

	ck_assert_int_eq(append(file, fh, "-1"), 0);
	ck_assert_int_eq(append(file, fh, "-2"), 0);
	check_read(file, fh, "content-1-2");
}
END_TEST

static void replace_device(void)
{
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_free(r.dev);
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
}

/* Without index=on, "two" remains the file of the lower layer. */
START_TEST(names_of_a_lower_file_are_separated_as_for_the_host)
{
	const uint64_t one = fs_rig_lookup(&r, 1, "one");
	uint64_t two = fs_rig_lookup(&r, 1, "two");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, one, O_RDWR);
	int fd = openat(r.dir, "two", O_RDONLY | O_CLOEXEC);
	char content[8] = "";

	ck_assert_int_eq(fs_rig_write(&r, one, fh, 0, "CON", 3), 0);
	ck_assert_int_eq(pread(fd, content, 7, 0), 7);
	close(fd);
	two = fs_rig_lookup(&r, 1, "two");
	check_read(two, fs_rig_open(&r, FUSE_OPEN, two, O_RDONLY), content);
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "one"), one);
	check_read(one, fs_rig_open(&r, FUSE_OPEN, one, O_RDONLY), "CONtent");
}
END_TEST

/* The last name by which the driver found it is that of the other file. */
START_TEST(separated_file_is_not_mistaken_for_the_other_after_a_kill)
{
	const uint64_t one = fs_rig_lookup(&r, 1, "one"), two = fs_rig_lookup(&r, 1, "two");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, one, O_RDWR);

	ck_assert_uint_eq(one, two);
	ck_assert_int_eq(fs_rig_write(&r, one, fh, 0, "CON", 3), 0);
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "two"), one);
	replace_device();
	ck_assert_int_eq(fs_rig_getattr(&r, one), -ESTALE);
}
END_TEST

/* The copy in the upper layer has another birth time. */
START_TEST(file_that_was_copied_up_is_found_after_a_kill)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);

	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	replace_device();
	check_read(file, fh, "CONtent");
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "file"), file);
}
END_TEST

START_TEST(replaced_file_is_not_found_after_a_kill)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert_int_eq(unlinkat(r.dir, "file", 0), 0);
	fs_rig_put_file(&r, "file", "another");
	replace_device();
	ck_assert_int_eq(fs_rig_getattr(&r, file), -ESTALE);
}
END_TEST

/* ------------------------------------------------------------------ mappings */

static char *mapped;	/* as the front-end would map it */

static void unmap(void)
{
	if (mapped)
		munmap(mapped, 4096);
	mapped = NULL;
}

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
}

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m, uint64_t cookie)
{
	(void)opaque;
	(void)cookie;
	unmap();
	if (map)
		mapped = mmap(NULL, 4096, PROT_READ, MAP_SHARED, m->fd, (off_t)m->fd_offset);
	return mapped == MAP_FAILED ? -errno : 0;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	(void)region;
	*gpa = UINT64_C(1) << 40;
	return 0;
}

static const struct virtdev_server_ops ops = {
	.size = sizeof(ops), .notify = on_notify, .region_change = on_change, .region_address = on_address,
};

static void setup_window(void)
{
	mount_rig();
	r.config.window = VIRTDEV_FS_WINDOW_ALIGN;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(virtdev_set_server(r.dev, &ops, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown_window(void)
{
	unmap();
	teardown();
}

static void map(uint64_t file)
{
	const struct fuse_setupmapping_in in = {
		.fh = UINT64_MAX, .len = VIRTDEV_FS_WINDOW_ALIGN, .flags = FUSE_SETUPMAPPING_FLAG_READ,
	};

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETUPMAPPING, file, &in, sizeof(in), NULL, 0), 0);
	ck_assert_ptr_nonnull(mapped);
}

/* One that was made before the write is of the lower file. */
START_TEST(mapping_made_after_the_first_write_shows_the_new_content)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	uint64_t fh;

	map(file);
	ck_assert_mem_eq(mapped, "content", 7);
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_WRONLY);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	map(file);
	ck_assert_mem_eq(mapped, "CONtent", 7);
}
END_TEST

static Suite *suite(void)
{
	const char *why = no_overlay();
	Suite *s = suite_create("overlay");
	TCase *tc = tcase_create("overlay"), *window = tcase_create("window");

	if (!why) {
		tcase_add_checked_fixture(tc, setup, teardown);
		tcase_add_checked_fixture(window, setup_window, teardown_window);
	}
	tcase_add_test_unless(tc, why, handles_opened_before_the_first_write_read_the_new_content);
	tcase_add_test_unless(tc, why, appends_reach_the_end_of_a_lower_file);
	tcase_add_test_unless(tc, why, names_of_a_lower_file_are_separated_as_for_the_host);
	tcase_add_test_unless(tc, why, separated_file_is_not_mistaken_for_the_other_after_a_kill);
	tcase_add_test_unless(tc, why, file_that_was_copied_up_is_found_after_a_kill);
	tcase_add_test_unless(tc, why, replaced_file_is_not_found_after_a_kill);
	tcase_add_test_unless(window, why, mapping_made_after_the_first_write_shows_the_new_content);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, window);
	return s;
}

int main(void)
{
	return run_suite(suite());
}

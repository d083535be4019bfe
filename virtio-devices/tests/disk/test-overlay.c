/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about overlays: what is read, what is stored, and which files are refused. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../image.h"
#include "../suite.h"
#include "disk/overlay.h"
#include "disk/priv.h"

/* Ends within a cluster. */
#define SIZE ((1u << 20) + 512)

static struct vsu_error err;
static struct test_disk disk;
static unsigned char base[SIZE], model[SIZE], buf[SIZE];

static int try_open(const char *from, const char *path, struct virtdev_disk **out)
{
	const struct virtdev_disk_overlay how = {
		.size = sizeof(how), .base = from, .path = path,
		.folder = path ? NULL : ".", .may_init = true,
	};

	return virtdev_disk_overlay_open(&how, out, &err);
}

static void open_overlay(const char *path)
{
	ck_assert_msg(!try_open("base", path, &disk.disk), "%s", err.msg);
	ck_assert_int_eq(disk.disk->ops.channel_open(disk.disk->self, 16, &disk.channel,
						     &err), 0);
}

static void write_file(const char *name, uint64_t at, const void *data, size_t len)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, data, len, (off_t)at), (ssize_t)len);
	close(fd);
}

static void setup(void)
{
	size_t i;

	folder_init("/tmp");
	memset(&err, 0, sizeof(err));
	for (i = 0; i < SIZE; i++)
		base[i] = model[i] = (unsigned char)(i * 7 + i / 512 + 1);
	write_file("base", 0, base, SIZE);
	write_file("cow", 0, "", 0);
	open_overlay("cow");
}

static void teardown(void)
{
	if (disk.disk)
		test_disk_fini(&disk);
	folder_fini();
}

static void close_overlay(void)
{
	test_disk_fini(&disk);
	disk.disk = NULL;
}

static void reopen(void)
{
	close_overlay();
	open_overlay("cow");
}

static void assert_disk_is_model(void)
{
	memset(buf, 0xee, SIZE);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, buf, SIZE), 0);
	ck_assert_mem_eq(buf, model, SIZE);
}

static void assert_base_is_unchanged(void)
{
	int fd = open("base", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, buf, SIZE, 0), SIZE);
	close(fd);
	ck_assert_mem_eq(buf, base, SIZE);
}

static void write_at(uint64_t at, uint64_t len, int byte)
{
	memset(model + at, byte, len);
	memset(buf, byte, len);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, at, buf, len), 0);
}

static void clear(uint32_t op, uint64_t at, uint64_t len, bool may_unmap)
{
	memset(model + at, 0, len);
	ck_assert_int_eq(test_disk_range(&disk, op, at, len, may_unmap), 0);
}

START_TEST(new_overlay_shows_the_base)
{
	struct stat st;

	ck_assert_uint_eq(virtdev_priv_disk_info(disk.disk)->capacity, SIZE);
	assert_disk_is_model();
	ck_assert_int_eq(stat("cow", &st), 0);
	ck_assert_int_lt(st.st_blocks, 64);
}
END_TEST

START_TEST(writes_go_to_the_overlay_and_keep_the_rest_of_the_cluster)
{
	write_at(512, 512, 0xa1);
	write_at(4096, 8192, 0xa2);
	write_at(20480 - 512, 1024, 0xa3);
	write_at(SIZE - 512, 512, 0xa4);
	assert_disk_is_model();
	reopen();
	assert_disk_is_model();
	assert_base_is_unchanged();
}
END_TEST

START_TEST(pieces_of_odd_lengths_are_in_order)
{
	struct iovec iov[3] = { { buf, 512 }, { buf + 512, 9216 }, { buf + 9728, 2560 } };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_WRITE, .iov = iov, .niov = 3, .offset = 8192, .len = 12288,
	};
	size_t i;

	for (i = 0; i < 12288; i++)
		model[8192 + i] = buf[i] = (unsigned char)(i * 13);
	test_disk_submit(&disk, &r);
	ck_assert_int_eq(test_disk_wait(&disk)->result, 0);
	assert_disk_is_model();
}
END_TEST

START_TEST(cleared_ranges_are_zero_and_do_not_show_the_base)
{
	write_at(0, 16384, 0xb1);
	clear(VIRTDEV_DISK_DISCARD, 4096, 4096, false);
	clear(VIRTDEV_DISK_DISCARD, 512, 512, false);
	clear(VIRTDEV_DISK_ZERO, 12288 - 512, 512, true);
	clear(VIRTDEV_DISK_ZERO, 40960 - 512, 8192, true);
	clear(VIRTDEV_DISK_ZERO, 81920 + 512, 16384, false);
	clear(VIRTDEV_DISK_DISCARD, SIZE - 8192, 8192, false);
	assert_disk_is_model();
	reopen();
	assert_disk_is_model();
	assert_base_is_unchanged();
}
END_TEST

START_TEST(random_requests_agree_with_a_model)
{
	unsigned int i;

	srand(7);
	for (i = 0; i < 2000; i++) {
		uint64_t at = (uint64_t)rand() % (SIZE / 512), n = 1 + (uint64_t)rand() % 40;

		if (at + n > SIZE / 512)
			n = SIZE / 512 - at;
		if (rand() % 3)
			write_at(at * 512, n * 512, rand() & 0xff);
		else
			clear(rand() % 2 ? VIRTDEV_DISK_DISCARD : VIRTDEV_DISK_ZERO, at * 512,
			      n * 512, rand() % 2);
		if (i % 500 == 499)
			reopen();
		if (i % 100 == 99)
			assert_disk_is_model();
	}
	assert_base_is_unchanged();
}
END_TEST

/* The bytes of the file at a crash: a copy of it while the overlay is open. */
START_TEST(map_is_written_by_a_flush)
{
	const struct virtdev_priv_overlay *o = disk.disk->self;
	uint8_t bits = 0xff;

	write_at(0, 4096, 0xc1);
	ck_assert_int_eq(pread(o->fd, &bits, 1, 4096), 1);
	ck_assert_uint_eq(bits, 0);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_FLUSH, 0, 0, false), 0);
	ck_assert_int_eq(pread(o->fd, &bits, 1, 4096), 1);
	ck_assert_uint_eq(bits, 1);
}
END_TEST

/* In a child, which opens the overlay itself. */
static void write_and_die(void)
{
	open_overlay("cow");
	write_at(512, 4096, 0xc2);
	test_disk_range(&disk, VIRTDEV_DISK_FLUSH, 0, 0, false);
	write_at(0, 512, 0xc3);
	raise(SIGKILL);
}

START_TEST(flushed_writes_survive_a_killed_process)
{
	pid_t pid;

	close_overlay();
	pid = fork();
	if (!pid)
		write_and_die();
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	memset(model + 512, 0xc2, 4096);
	memset(model, 0xc3, 512);	/* in a cluster that was flushed */
	open_overlay("cow");
	assert_disk_is_model();
}
END_TEST

START_TEST(failed_write_fails_that_request_only)
{
	struct virtdev_priv_overlay *o = disk.disk->self;
	const int fd = o->fd;

	o->fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 512, buf, 512), -ENOSPC);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 4096, buf, 8192), -ENOSPC);
	close(o->fd);
	o->fd = fd;
	assert_disk_is_model();
	write_at(512, 512, 0xd1);
	assert_disk_is_model();
}
END_TEST

START_TEST(enlarged_disk_has_zeros_behind_the_base)
{
	static unsigned char end[8192];
	unsigned int i;

	ck_assert_int_eq(virtdev_priv_disk_resize(disk.disk, SIZE + 16384, &err), 0);
	reopen();
	ck_assert_uint_eq(virtdev_priv_disk_info(disk.disk)->capacity, SIZE + 16384);
	assert_disk_is_model();
	memset(end, 0xee, sizeof(end));
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, SIZE, end, sizeof(end)), 0);
	for_rows(i, sizeof(end))
		ck_assert_uint_eq(end[i], 0);
	ck_assert_int_eq(virtdev_priv_disk_resize(disk.disk, 0, &err), -EINVAL);
	ck_assert_int_eq(virtdev_priv_disk_resize(disk.disk, UINT64_C(1) << 50, &err), -EFBIG);
}
END_TEST

START_TEST(file_of_an_enlarged_disk_has_room_for_its_clusters)
{
	struct stat before, after;

	ck_assert_int_eq(stat("cow", &before), 0);
	ck_assert_int_eq(virtdev_priv_disk_resize(disk.disk, SIZE + (1 << 20), &err), 0);
	ck_assert_int_eq(stat("cow", &after), 0);
	ck_assert_int_eq(after.st_size - before.st_size, 1 << 20);
}
END_TEST

START_TEST(base_is_shared_and_overlay_is_not)
{
	struct virtdev_disk *second;

	write_file("other", 0, "", 0);
	ck_assert_int_eq(try_open("base", "other", &second), 0);
	virtdev_disk_free(second);
	ck_assert_int_eq(try_open("base", "cow", &second), -EBUSY);
	ck_assert_int_eq(disk_open("base", false, VIRTDEV_DISK_ENGINE_AUTO, &second, &err),
			 -EBUSY);
	ck_assert_int_eq(disk_open("base", true, VIRTDEV_DISK_ENGINE_AUTO, &second, &err), 0);
	virtdev_disk_free(second);
}
END_TEST

START_TEST(handed_over_overlay_has_the_clusters_of_the_other_process)
{
	const struct virtdev_disk_overlay how = {
		.size = sizeof(how), .base = "base", .path = "cow", .unlocked = true,
	};
	struct test_disk first = disk;

	ck_assert_int_eq(virtdev_disk_overlay_open(&how, &disk.disk, &err), 0);
	ck_assert_int_eq(disk.disk->ops.channel_open(disk.disk->self, 16, &disk.channel, &err), 0);
	ck_assert_int_eq(virtdev_priv_disk_set_locked(disk.disk, true, &err), -EBUSY);
	memset(model, 0xf1, 4096);
	ck_assert_int_eq(test_disk_do(&first, VIRTDEV_DISK_WRITE, 0, model, 4096), 0);
	ck_assert_int_eq(virtdev_priv_disk_flush(first.disk, &err), 0);
	ck_assert_int_eq(virtdev_priv_disk_set_locked(first.disk, false, &err), 0);
	ck_assert_int_eq(virtdev_priv_disk_set_locked(disk.disk, true, &err), 0);
	assert_disk_is_model();
	test_disk_fini(&first);
}
END_TEST

/* The previous process continues with its unflushed writes, although the other one has failed. */
START_TEST(refused_lock_keeps_the_map_and_no_lock)
{
	struct virtdev_disk *other;

	write_at(0, 8192, 0xf2);
	ck_assert_int_eq(virtdev_priv_disk_set_locked(disk.disk, false, &err), 0);
	write_file("cow", 0, "Q", 1);
	ck_assert_int_eq(virtdev_priv_disk_set_locked(disk.disk, true, &err), -EINVAL);
	write_file("cow", 0, "C", 1);
	ck_assert_int_eq(try_open("base", "cow", &other), 0);
	virtdev_disk_free(other);
	ck_assert_int_eq(virtdev_priv_disk_set_locked(disk.disk, true, &err), 0);
	assert_disk_is_model();
	reopen();
	assert_disk_is_model();
}
END_TEST

/* More than the zeros that one step writes, from the middle of a cluster. */
START_TEST(long_ranges_of_zeros_are_divided)
{
	static unsigned char all[4u << 20];
	const uint64_t len = 2u << 20;
	size_t i;

	close_overlay();
	memset(all, 0xa5, sizeof(all));
	write_file("base", 0, all, sizeof(all));
	write_file("cow", 0, "", 0);
	ck_assert_int_eq(truncate("cow", 0), 0);
	open_overlay("cow");
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_WRITE, 0, all, sizeof(all)), 0);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_ZERO, 512, len, false), 0);
	ck_assert_int_eq(test_disk_do(&disk, VIRTDEV_DISK_READ, 0, all, sizeof(all)), 0);
	for_rows(i, sizeof(all))
		ck_assert_uint_eq(all[i], i >= 512 && i < 512 + len ? 0 : 0xa5);
}
END_TEST

START_TEST(temporary_overlay_leaves_no_file_and_is_not_handed_over)
{
	close_overlay();
	open_overlay(NULL);
	write_at(512, 512, 0xe1);
	assert_disk_is_model();
	ck_assert_int_eq(virtdev_priv_disk_flush(disk.disk, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "snapshot=on"));
	assert_base_is_unchanged();
}
END_TEST

static void assert_refused(int rc, const char *why)
{
	struct virtdev_disk *out;

	ck_assert_int_eq(try_open("base", "cow", &out), rc);
	ck_assert_msg(strstr(err.msg, why) != NULL, "%s", err.msg);
}

START_TEST(identity_is_that_of_the_base_until_the_first_write)
{
	struct virtdev_disk_identity id;
	struct stat st;

	ck_assert_int_eq(stat("base", &st), 0);
	ck_assert_int_eq(virtdev_priv_disk_identify(disk.disk, &id, &err), 0);
	ck_assert_uint_eq(id.bytes, SIZE);
	ck_assert_int_eq(id.seconds, st.st_mtim.tv_sec);
	ck_assert_uint_eq(id.ns, (uint32_t)st.st_mtim.tv_nsec);
	write_at(8192, 512, 1);
	ck_assert_int_eq(test_disk_range(&disk, VIRTDEV_DISK_FLUSH, 0, 0, false), 0);
	reopen();
	ck_assert_int_eq(stat("cow", &st), 0);
	ck_assert_int_eq(virtdev_priv_disk_identify(disk.disk, &id, &err), 0);
	ck_assert_uint_eq(id.bytes, (uint64_t)st.st_size);
	ck_assert_uint_eq(id.ns, (uint32_t)st.st_mtim.tv_nsec);
}
END_TEST

/* The map has room for 1 TiB. A clone with an empty overlay waits for each page. */
START_TEST(identity_of_an_empty_overlay_costs_no_search)
{
	struct virtdev_disk_identity id;
	struct rusage before, after;

	getrusage(RUSAGE_SELF, &before);
	ck_assert_int_eq(virtdev_priv_disk_identify(disk.disk, &id, &err), 0);
	getrusage(RUSAGE_SELF, &after);
	ck_assert_int_lt(after.ru_minflt - before.ru_minflt, 1000);
}
END_TEST

START_TEST(identity_changes_with_the_first_write)
{
	struct virtdev_disk_identity before, after;

	ck_assert_int_eq(virtdev_priv_disk_identify(disk.disk, &before, &err), 0);
	write_at(8192, 512, 1);
	ck_assert_int_eq(virtdev_priv_disk_identify(disk.disk, &after, &err), 0);
	ck_assert_uint_ne(before.bytes, after.bytes);
}
END_TEST

START_TEST(other_base_is_refused_by_name)
{
	close_overlay();
	write_file("base", 100, "x", 1);
	assert_refused(-EINVAL, "for another base than 'base'");
	ck_assert_int_eq(truncate("base", SIZE - 512), 0);
	assert_refused(-EINVAL, "is for a base of 1049088 bytes, and 'base' has 1048576");
}
END_TEST

static struct timespec time_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(name, &st), 0);
	return st.st_mtim;
}

static void set_time(const char *name, struct timespec time)
{
	const struct timespec both[2] = { time, time };

	ck_assert_int_eq(utimensat(AT_FDCWD, name, both, 0), 0);
}

START_TEST(base_that_changed_between_its_ends_is_refused)
{
	const struct timespec then = time_of("base"), other = { 1700000000, 123456789 };

	close_overlay();
	write_file("base", SIZE / 2, "x", 1);
	set_time("base", other);
	assert_refused(-EINVAL, "the base 'base' was changed after overlay 'cow' was made");
	write_file("base", SIZE / 2, base + SIZE / 2, 1);
	set_time("base", then);
	open_overlay("cow");
	assert_disk_is_model();
}
END_TEST

START_TEST(enlarged_disk_keeps_the_time_of_its_base)
{
	const struct timespec other = { 1700000000, 123456789 };

	set_time("base", other);
	ck_assert_int_eq(virtdev_priv_overlay_grow(disk.disk->self, 2 * SIZE, &err), 0);
	close_overlay();
	assert_refused(-EINVAL, "the base 'base' was changed");
}
END_TEST

START_TEST(overlay_without_a_time_does_not_limit_it)
{
	const unsigned char zeros[24] = { 0 };
	const struct timespec other = { 1700000000, 123456789 };

	close_overlay();
	write_file("cow", 56, zeros, sizeof(zeros));
	set_time("base", other);
	open_overlay("cow");
	assert_disk_is_model();
}
END_TEST

START_TEST(damaged_time_is_refused)
{
	close_overlay();
	write_file("cow", 56, "\377\377", 2);
	assert_refused(-EINVAL, "the header of overlay 'cow' is damaged");
}
END_TEST

START_TEST(d1_27_damaged_overlay_is_refused)
{
	struct stat st;

	close_overlay();
	ck_assert_int_eq(stat("cow", &st), 0);
	ck_assert_int_eq(truncate("cow", st.st_size - 1), 0);
	assert_refused(-EINVAL, "is truncated");
	ck_assert_int_eq(truncate("cow", st.st_size), 0);
	write_file("cow", 40, "\377\377\377\377\377\377\377\377", 8);
	assert_refused(-EINVAL, "the header of overlay 'cow' is damaged");
	write_file("cow", 8, "\2", 1);
	assert_refused(-EINVAL, "has version 2");
	write_file("cow", 0, "Q", 1);
	assert_refused(-EINVAL, "'cow' is not an overlay");
	ck_assert_int_eq(truncate("cow", 20), 0);
	assert_refused(-EINVAL, "'cow' is not an overlay");
	unlink("cow");
	assert_refused(-ENOENT, "no such file: overlay 'cow'; an empty file becomes an overlay");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("overlay");
	TCase *tc = tcase_create("overlay");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, new_overlay_shows_the_base);
	tcase_add_test(tc, writes_go_to_the_overlay_and_keep_the_rest_of_the_cluster);
	tcase_add_test(tc, pieces_of_odd_lengths_are_in_order);
	tcase_add_test(tc, cleared_ranges_are_zero_and_do_not_show_the_base);
	tcase_add_test(tc, random_requests_agree_with_a_model);
	tcase_add_test(tc, map_is_written_by_a_flush);
	tcase_add_test(tc, flushed_writes_survive_a_killed_process);
	tcase_add_test(tc, failed_write_fails_that_request_only);
	tcase_add_test(tc, enlarged_disk_has_zeros_behind_the_base);
	tcase_add_test(tc, file_of_an_enlarged_disk_has_room_for_its_clusters);
	tcase_add_test(tc, base_is_shared_and_overlay_is_not);
	tcase_add_test(tc, handed_over_overlay_has_the_clusters_of_the_other_process);
	tcase_add_test(tc, refused_lock_keeps_the_map_and_no_lock);
	tcase_add_test(tc, long_ranges_of_zeros_are_divided);
	tcase_add_test(tc, temporary_overlay_leaves_no_file_and_is_not_handed_over);
	tcase_add_test(tc, identity_is_that_of_the_base_until_the_first_write);
	tcase_add_test(tc, identity_of_an_empty_overlay_costs_no_search);
	tcase_add_test(tc, identity_changes_with_the_first_write);
	tcase_add_test(tc, other_base_is_refused_by_name);
	tcase_add_test(tc, base_that_changed_between_its_ends_is_refused);
	tcase_add_test(tc, enlarged_disk_keeps_the_time_of_its_base);
	tcase_add_test(tc, overlay_without_a_time_does_not_limit_it);
	tcase_add_test(tc, damaged_time_is_refused);
	tcase_add_test(tc, d1_27_damaged_overlay_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

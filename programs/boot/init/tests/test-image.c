/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the order in which the file systems of an image are mounted. Its two partitions are
 * files in memory; mount() is the test's.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include <vm-agent/init.h>

#include "../../../../tests/support/suite.h"
#include "image.h"

#define DEVICE "/dev/vda"
#define SIZE 0x20000

/* The mounts until the system was found, as "NUMBER TYPE OPTIONS;". */
static char mounts[1024];
static unsigned int now;	/* the partition that is mounted, or 0 */
static bool replayed;		/* with its journal */
static unsigned int fat;	/* a bit for each partition that is not ext4 */
static unsigned int system_on;	/* partition of the system, or 0 */
static unsigned int kernel_on;	/* that of its kernel, which has no menu; 0: it has, beside the system */
static char given[128];		/* the root of that kernel */
static bool needs_journal;	/* the system is not seen without */
static bool loses_kernel;	/* the kernel is not seen with a journal */
static bool booted;

static void setup(void)
{
	mounts[0] = '\0';
	now = fat = system_on = kernel_on = 0;
	replayed = needs_journal = loses_kernel = booted = false;
}

static bool sees_system(void)
{
	return now && now == system_on && (replayed || !needs_journal);
}

/* ------------------------------------------------------------ calls of the kernel */

#pragma GCC visibility push(default)
int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);
int __wrap_mount(const char *what, const char *where, const char *type, unsigned long flags, const void *data);
int __wrap_umount2(const char *where, int flags);
int __wrap_vagent_init_read_partitions(int fd, uint32_t sector, struct vagent_partition *parts);
#pragma GCC visibility pop

static int open_partition(const char *path)
{
	const bool is_fat = fat >> atoi(path + strlen(DEVICE)) & 1;
	const int fd = memfd_create("partition", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	ck_assert_int_gt(is_fat ? pwrite(fd, "FAT32", 5, 0x52) : pwrite(fd, "\x53\xef", 2, 0x438), 0);
	return fd;
}

int __wrap_open(const char *path, int flags, ...)
{
	if (!strncmp(path, DEVICE, strlen(DEVICE)))
		return open_partition(path);
	return __real_open(strncmp(path, "/image", 6) != 0 ? path : "/", flags);
}

int __wrap_access(const char *path, int mode)
{
	(void)mode;
	if (!strncmp(path, DEVICE, strlen(DEVICE)) ||
	    ((!strcmp(path, "/image/etc") || !strcmp(path, "/image/usr")) && sees_system()))
		return 0;
	errno = ENOENT;
	return -1;
}

int __wrap_mount(const char *what, const char *where, const char *type, unsigned long flags, const void *data)
{
	const size_t len = strlen(mounts);

	(void)where;
	(void)flags;
	now = (unsigned int)atoi(what + strlen(DEVICE));
	replayed = !*(const char *)data;
	if (!booted)
		snprintf(mounts + len, sizeof(mounts) - len, "%u %s %s;", now, type, (const char *)data);
	return 0;
}

int __wrap_umount2(const char *where, int flags)
{
	(void)where;
	(void)flags;
	now = 0;
	return 0;
}

int __wrap_vagent_init_read_partitions(int fd, uint32_t sector, struct vagent_partition *parts)
{
	(void)fd;
	(void)sector;
	parts[0] = (struct vagent_partition){ .number = 1, .role = VAGENT_PARTITION_LINUX };
	parts[1] = (struct vagent_partition){ .number = 2, .role = VAGENT_PARTITION_LINUX };
	return 2;
}

/* --------------------------------------------------------- other parts of the agent */

void image_try_root(int root, const char *device, const char *words, enum image_search search,
		    image_start *start)
{
	const bool found = kernel_on ? search == IMAGE_KERNELS && now == kernel_on && !(loses_kernel && replayed) : sees_system();

	(void)root;
	(void)device;
	(void)start;
	if (found && !booted)
		snprintf(given, sizeof(given), "%s", words);
	booted |= found;
}

void image_boot(int root, const char *path, const struct entry *e, const char *device)
{
	(void)root;
	(void)path;
	(void)e;
	(void)device;
}

void vagent_init_load_modules_until(const char *name)
{
	(void)name;
}

void vagent_init_make_folders(const char *path)
{
	(void)path;
}

void vagent_init_fail(const char *fmt, ...)
{
	ck_abort_msg("%s", fmt);
	abort();
}

/* ----------------------------------------------------------------------- claims */

START_TEST(journal_of_another_partition_is_not_replayed)
{
	system_on = 2;
	image_try_disk(image_boot);
	ck_assert(booted);
	ck_assert_str_eq(mounts, "1 ext4 noload;2 ext4 noload;");
}
END_TEST

START_TEST(journals_are_replayed_if_nothing_is_found_without)
{
	system_on = 2;
	needs_journal = true;
	image_try_disk(image_boot);
	ck_assert(booted);
	ck_assert_ptr_nonnull(strstr(mounts, " ;"));
	ck_assert_ptr_null(strstr(strstr(mounts, " ;"), "noload"));
	ck_assert_str_eq(mounts + strlen(mounts) - 16, "1 ext4 ;2 ext4 ;");
}
END_TEST

START_TEST(kernel_apart_from_its_root_has_one_that_a_journal_hides)
{
	fat = 1 << 1;
	kernel_on = 1;
	system_on = 2;
	needs_journal = _i;
	image_try_disk(image_boot);
	ck_assert(booted);
	ck_assert_str_eq(given, "root=" DEVICE "2 ro");
	ck_assert(strstr(mounts, "2 ext4 ;") ? _i : !_i);
}
END_TEST

/* No root shows, as of a volume group; the kernel is in another subvolume than the default one. */
START_TEST(kernel_that_a_journal_hides_is_found)
{
	kernel_on = 1;
	loses_kernel = true;
	image_try_disk(image_boot);
	ck_assert(booted);
}
END_TEST

START_TEST(root_is_found_without_journals)
{
	int fd;

	system_on = 2;
	fd = image_open_system();
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_str_eq(mounts, "1 ext4 noload;2 ext4 noload;");
	setup();
	system_on = 2;
	ck_assert_str_eq(image_mount_system(false), "/image");
	ck_assert_str_eq(mounts, "1 ext4 noload;2 ext4 noload;");
}
END_TEST

START_TEST(root_that_is_written_has_its_journal)
{
	fat = _i ? 3 << 1 : 0;
	system_on = 2;
	ck_assert_str_eq(image_mount_system(true), "/image");
	ck_assert_str_eq(mounts, _i ? "1 vfat ;2 vfat ;" : "1 ext4 ;2 ext4 ;");
}
END_TEST

START_TEST(file_system_without_journal_is_mounted_once)
{
	fat = 3 << 1;
	ck_assert_int_eq(image_open_system(), -1);
	ck_assert_str_eq(mounts, "1 vfat ;2 vfat ;");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("image");
	TCase *tc = tcase_create("image");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, journal_of_another_partition_is_not_replayed);
	tcase_add_test(tc, journals_are_replayed_if_nothing_is_found_without);
	tcase_add_loop_test(tc, kernel_apart_from_its_root_has_one_that_a_journal_hides, 0, 2);
	tcase_add_test(tc, kernel_that_a_journal_hides_is_found);
	tcase_add_test(tc, root_is_found_without_journals);
	tcase_add_loop_test(tc, root_that_is_written_has_its_journal, 0, 2);
	tcase_add_test(tc, file_system_without_journal_is_mounted_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

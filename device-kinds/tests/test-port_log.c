/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about logs of bounded size. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <device-kinds/port_log.h>

#include "suite.h"

/* Large enough for a copy in several steps. */
#define LIMIT (UINT64_C(1) << 20)

static char folder[32], path[64], former[64], warned[512];
static unsigned int warnings;
static struct devkind_port_log *port_log;
static struct vsu_error err;

static void on_warning(void *opaque, const char *text)
{
	(void)opaque;
	warnings++;
	snprintf(warned, sizeof(warned), "%s", text);
}

static void setup(void)
{
	strcpy(folder, "/tmp/test-port_log.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(former, sizeof(former), "%s/log.1", folder);
	port_log = NULL;
	warnings = 0;
	vsu_error_clear(&err);
}

static void teardown(void)
{
	devkind_port_log_close(port_log);
	unlink(path);
	unlink(former);
	rmdir(folder);
}

static struct devkind_port_log_config config_of(const char *name)
{
	return (struct devkind_port_log_config){ .path = name, .size = LIMIT, .warn = on_warning };
}

static int try(const struct devkind_port_log_config *config)
{
	struct devkind_port_log *log = NULL;
	const int rc = devkind_port_log_open(config, &log, &err);

	devkind_port_log_close(log);
	return rc;
}

static void make(void)
{
	const struct devkind_port_log_config config = config_of(path);

	ck_assert_msg(!devkind_port_log_open(&config, &port_log, &err), "%s", err.msg);
}

static uint64_t add(const void *at, size_t n)
{
	const struct iovec iov = { (void *)(uintptr_t)at, n };

	return devkind_port_log_add(port_log, &iov, 1);
}

static uint64_t size_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(stat(name, &st), 0);
	return (uint64_t)st.st_size;
}

static void put_file(const char *name, size_t n, char byte)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	while (n--)
		ck_assert_int_ne(fputc(byte, f), EOF);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(appends_to_a_file_that_exists)
{
	char text[16] = "";
	FILE *f;

	put_file(path, 2, 'a');
	make();
	ck_assert_uint_eq(add("bc", 2), 2);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), f));
	fclose(f);
	ck_assert_str_eq(text, "aabc");
	ck_assert_uint_eq(size_of(former), 0);
}
END_TEST

/* ------------------------------------------------------------------------ the bound */

/* The byte of a stream at a position. */
static unsigned char byte_at(uint64_t at)
{
	return (unsigned char)((at * UINT64_C(2654435761)) >> 13);
}

static void add_stream(uint64_t *at, size_t n)
{
	static unsigned char bytes[300000];
	size_t i;

	for (i = 0; i < n; i++)
		bytes[i] = byte_at(*at + i);
	ck_assert_uint_eq(add(bytes, n), n);
	*at += n;
}

/* The file ends with the stream's position end; returns where it begins. */
static uint64_t check_stream(const char *name, uint64_t end)
{
	const uint64_t begin = end - size_of(name);
	FILE *f = fopen(name, "r");
	uint64_t at;

	ck_assert_ptr_nonnull(f);
	for (at = begin; at < end; at++)
		ck_assert_int_eq(fgetc(f), byte_at(at));
	fclose(f);
	return begin;
}

/* Bytes of a write. */
static const size_t pieces[] = { 100, 777, 4096, 65536, 300000 };

START_TEST(both_files_have_the_end_of_the_output_and_are_bounded)
{
	const size_t piece = pieces[_i];
	uint64_t at = 0, last = 0, now, begin;
	bool moved = false;

	make();
	while (at < 3 * LIMIT || !moved) {
		add_stream(&at, piece);
		now = size_of(path);
		ck_assert_uint_le(now, LIMIT);
		ck_assert_uint_le(size_of(former), LIMIT);
		moved = now < last;
		last = now;
	}
	begin = check_stream(path, at);
	ck_assert_uint_lt(check_stream(former, begin), begin - LIMIT / 2);
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

/* An end of the process while a file is copied loses nothing of it. */
START_TEST(file_is_complete_while_it_is_copied)
{
	uint64_t at = 0;

	make();
	while (!size_of(former))
		add_stream(&at, 4096);
	ck_assert_uint_eq(check_stream(path, at), 0);
	devkind_port_log_close(port_log);
	make();
	while (size_of(path) > LIMIT / 2)
		add_stream(&at, 10);
	ck_assert_uint_eq(check_stream(former, check_stream(path, at)), 0);
}
END_TEST

/* Else a guest that prints single bytes would occupy the thread. */
START_TEST(single_bytes_copy_as_much_as_a_large_write)
{
	uint64_t at = 0, first;
	unsigned int i;

	make();
	while (!size_of(former))
		add_stream(&at, 4096);
	first = size_of(former);
	for (i = 0; i < 8192; i++)
		add_stream(&at, 1);
	ck_assert_uint_eq(size_of(former), first + UINT64_C(16) * 8192);
	check_stream(former, size_of(former));
}
END_TEST

START_TEST(longer_file_of_a_former_size_keeps_its_end)
{
	put_file(path, 3 * LIMIT, 'x');
	make();
	while (size_of(path) > LIMIT)
		ck_assert_uint_eq(add("y", 1), 1);
	ck_assert_uint_eq(size_of(path), 1);
	ck_assert_uint_ge(size_of(former), LIMIT / 2);
	ck_assert_uint_le(size_of(former), LIMIT);
}
END_TEST

START_TEST(file_that_another_process_truncates_continues)
{
	uint64_t at = 0;

	make();
	while (!size_of(former))
		add_stream(&at, 4096);
	ck_assert_int_eq(truncate(path, 0), 0);
	add_stream(&at, 4096);
	add_stream(&at, 4096);
	check_stream(path, at);
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

/* ------------------------------------------------------------------------ failures */

/* A full file system, for this process. */
static void limit_files(rlim_t max)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = max;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

START_TEST(full_disk_loses_output_and_is_reported_once)
{
	static const char text[1000];

	make();
	limit_files(1500);
	ck_assert_uint_eq(add(text, 1000), 1000);
	ck_assert_uint_eq(warnings, 0);
	ck_assert_uint_eq(add(text, 1000), 500);
	ck_assert_uint_eq(warnings, 1);
	ck_assert_ptr_nonnull(strstr(warned, "output is lost until a write succeeds"));
	ck_assert_uint_eq(add(text, 1000), 0);
	ck_assert_uint_eq(warnings, 1);
	limit_files(RLIM_INFINITY);
	ck_assert_uint_eq(add(text, 1000), 1000);
	ck_assert_uint_eq(warnings, 2);
	ck_assert_ptr_nonnull(strstr(warned, "written again; 1500 bytes were lost"));
}
END_TEST

/* The copy needs room of its own; without it FILE does not grow. */
START_TEST(full_disk_during_a_copy_does_not_exceed_the_size)
{
	uint64_t at = 0;

	make();
	while (!size_of(former))
		add_stream(&at, 4096);
	ck_assert_int_eq(truncate(former, 0), 0);
	limit_files(1024);
	add("x", 1);
	limit_files(RLIM_INFINITY);
	ck_assert_uint_eq(size_of(path), 1);
	ck_assert_uint_eq(warnings, 2);
	ck_assert_ptr_nonnull(strstr(warned, "written again"));
}
END_TEST

/* -------------------------------------------------------------------------- refusals */

START_TEST(file_of_another_log_is_refused)
{
	struct devkind_port_log_config config = config_of(path);

	make();
	ck_assert_int_eq(try(&config), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "is in use; name another file"));
	config.shared = true;
	ck_assert_int_eq(try(&config), 0);
}
END_TEST

/* FILE.1 of one log is FILE of the other. */
START_TEST(former_file_of_another_log_is_refused)
{
	const struct devkind_port_log_config config = config_of(former);
	char third[80];

	make();
	ck_assert_int_eq(try(&config), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "is in use; name another file"));
	snprintf(third, sizeof(third), "%s.1", former);
	ck_assert_int_eq(unlink(third), 0);
}
END_TEST

/* Another user of the folder may have made it. FILE itself is what the user named. */
START_TEST(link_in_place_of_the_former_file_is_refused)
{
	const struct devkind_port_log_config config = config_of(path);
	char victim[80], text[8] = "";
	int fd;

	snprintf(victim, sizeof(victim), "%s/victim", folder);
	fd = open(victim, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "secret", 6), 6);
	ck_assert_int_eq(symlink(victim, former), 0);
	ck_assert_int_eq(try(&config), -ELOOP);
	ck_assert_ptr_nonnull(strstr(err.msg, "is a symbolic link"));
	ck_assert_int_eq(pread(fd, text, 6, 0), 6);
	close(fd);
	unlink(former);
	unlink(path);
	ck_assert_int_eq(symlink("victim", path), 0);
	ck_assert_int_eq(try(&config), 0);
	unlink(victim);
}
END_TEST

/* ------------------------------------------------------------------------ hand-over */

START_TEST(shared_log_has_the_files_when_the_other_releases_them)
{
	struct devkind_port_log_config config = config_of(path);
	struct devkind_port_log *other;

	make();
	ck_assert_uint_eq(add("abc", 3), 3);
	config.shared = true;
	ck_assert_int_eq(devkind_port_log_open(&config, &other, &err), 0);
	ck_assert_int_eq(devkind_port_log_hold(other, &err), -EBUSY);
	devkind_port_log_release(port_log);
	ck_assert_int_eq(devkind_port_log_hold(other, &err), 0);
	ck_assert_int_eq(devkind_port_log_hold(port_log, &err), -EBUSY);
	devkind_port_log_close(other);
	ck_assert_int_eq(devkind_port_log_hold(port_log, &err), 0);
	ck_assert_uint_eq(add("de", 2), 2);
	ck_assert_uint_eq(size_of(path), 5);
}
END_TEST

START_TEST(released_log_writes_nothing)
{
	make();
	devkind_port_log_release(port_log);
	ck_assert_uint_eq(add("abc", 3), 0);
	ck_assert_uint_eq(devkind_port_log_lost(port_log), 3);
	ck_assert_uint_eq(size_of(path), 0);
}
END_TEST

/* The other process has moved and extended the file meanwhile. */
START_TEST(log_continues_with_what_the_other_has_left)
{
	struct devkind_port_log_config config = config_of(path);
	uint64_t at = 0;

	config.shared = true;
	ck_assert_msg(!devkind_port_log_open(&config, &port_log, &err), "%s", err.msg);
	put_file(path, LIMIT, 'x');
	ck_assert_int_eq(devkind_port_log_hold(port_log, &err), 0);
	while (size_of(path) >= LIMIT)
		add_stream(&at, 4096);
	ck_assert_uint_ge(size_of(former), LIMIT);
}
END_TEST

START_TEST(other_than_a_regular_file_is_refused_without_waiting)
{
	struct devkind_port_log_config config = config_of(path);

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(try(&config), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is not a regular file"));
	config = config_of(folder);
	ck_assert_int_eq(try(&config), -EISDIR);
	config = config_of("fd:1");
	ck_assert_int_eq(try(&config), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "name it by its path"));
	config = config_of("");
	ck_assert_int_eq(try(&config), -EINVAL);
}
END_TEST

START_TEST(trial_creates_no_file)
{
	struct devkind_port_log_config config = config_of(path);

	config.trial = true;
	ck_assert_int_eq(try(&config), 0);
	ck_assert_int_lt(access(path, F_OK), 0);
	config.path = "/nowhere/at/all";
	ck_assert_int_eq(try(&config), -ENOENT);
	put_file(path, 3, 'a');
	config.path = path;
	ck_assert_int_eq(try(&config), 0);
	ck_assert_uint_eq(size_of(path), 3);
}
END_TEST

START_TEST(create_makes_both_files_and_keeps_them)
{
	put_file(path, 3, 'a');
	ck_assert_int_eq(devkind_port_log_create(path, &err), 0);
	ck_assert_uint_eq(size_of(path), 3);
	ck_assert_uint_eq(size_of(former), 0);
	ck_assert_int_eq(devkind_port_log_create("/nowhere/at/all", &err), -ENOENT);
}
END_TEST

static const uint64_t wrong_sizes[] = { 1, DEVKIND_PORT_LOG_MIN - 1, DEVKIND_PORT_LOG_MAX + 1, UINT64_MAX };

START_TEST(size_beyond_its_limits_is_refused)
{
	struct devkind_port_log_config config = config_of(path);

	config.size = wrong_sizes[_i];
	ck_assert_int_eq(try(&config), -EINVAL);
	ck_assert_int_eq(access(path, F_OK), -1);
	config.size = DEVKIND_PORT_LOG_MIN;
	ck_assert_int_eq(try(&config), 0);
	config.size = DEVKIND_PORT_LOG_MAX;
	ck_assert_int_eq(try(&config), 0);
}
END_TEST

START_TEST(log_without_a_file_is_refused)
{
	const struct devkind_port_log_config config = config_of(NULL);

	ck_assert_int_eq(try(NULL), -EINVAL);
	ck_assert_int_eq(try(&config), -EINVAL);
	ck_assert_int_eq(devkind_port_log_create(NULL, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("port_log");
	TCase *tc = tcase_create("port_log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, appends_to_a_file_that_exists);
	tcase_add_loop_test(tc, both_files_have_the_end_of_the_output_and_are_bounded, 0, 5);
	tcase_add_test(tc, file_is_complete_while_it_is_copied);
	tcase_add_test(tc, single_bytes_copy_as_much_as_a_large_write);
	tcase_add_test(tc, longer_file_of_a_former_size_keeps_its_end);
	tcase_add_test(tc, file_that_another_process_truncates_continues);
	tcase_add_test(tc, full_disk_loses_output_and_is_reported_once);
	tcase_add_test(tc, full_disk_during_a_copy_does_not_exceed_the_size);
	tcase_add_test(tc, file_of_another_log_is_refused);
	tcase_add_test(tc, former_file_of_another_log_is_refused);
	tcase_add_test(tc, link_in_place_of_the_former_file_is_refused);
	tcase_add_test(tc, shared_log_has_the_files_when_the_other_releases_them);
	tcase_add_test(tc, released_log_writes_nothing);
	tcase_add_test(tc, log_continues_with_what_the_other_has_left);
	tcase_add_test(tc, other_than_a_regular_file_is_refused_without_waiting);
	tcase_add_test(tc, trial_creates_no_file);
	tcase_add_test(tc, create_makes_both_files_and_keeps_them);
	tcase_add_loop_test(tc, size_beyond_its_limits_is_refused, 0, 4);
	tcase_add_test(tc, log_without_a_file_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

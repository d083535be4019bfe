/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the source and the destination file of a copy. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../../../tests/support/suite.h"
#include "client/file.h"

static char folder[32], path[64];
static struct vsu_error err;
static struct file f;

static void setup(void)
{
	strcpy(folder, "/tmp/c-vmm-file-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/f", folder);
	vsu_error_clear(&err);
}

static void teardown(void)
{
	unlink(path);
	rmdir(folder);
}

static void make_file(const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static bool exists(void)
{
	return access(path, F_OK) == 0;
}

START_TEST(source_has_the_size_and_the_bytes_of_its_file)
{
	char text[16] = "";

	make_file("sector");
	ck_assert_int_eq(file_open_input(&f, path, &err), VSU_EXIT_OK);
	ck_assert(f.knows_size);
	ck_assert_uint_eq(f.size, 6);
	ck_assert_int_eq(file_read_some(&f, text, sizeof(text), &err), 6);
	ck_assert_str_eq(text, "sector");
	ck_assert_int_eq(file_read_some(&f, text, sizeof(text), &err), 0);
	ck_assert_int_eq(file_close(&f, VSU_EXIT_INPUT, &err), VSU_EXIT_INPUT);
	ck_assert(exists());
}
END_TEST

START_TEST(missing_source_is_named)
{
	ck_assert_int_eq(file_open_input(&f, path, &err), VSU_EXIT_INPUT);
	ck_assert_int_eq(err.code, -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
}
END_TEST

START_TEST(folder_is_neither_source_nor_destination)
{
	ck_assert_int_eq(file_open_input(&f, folder, &err), VSU_EXIT_INPUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "a directory"));
	ck_assert_int_eq(file_open_output(&f, folder, &err), VSU_EXIT_INPUT);
}
END_TEST

/* An open of a FIFO without a peer blocks unless it is non-blocking. */
START_TEST(fifo_is_refused_without_waiting_for_its_peer)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(file_open_input(&f, path, &err), VSU_EXIT_INPUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "regular file"));
	ck_assert_int_eq(file_open_output(&f, path, &err), VSU_EXIT_INPUT);
	ck_assert(exists());
}
END_TEST

START_TEST(existing_destination_is_emptied_and_survives_a_failure)
{
	struct stat st;

	make_file("former content");
	ck_assert_int_eq(file_open_output(&f, path, &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_write(&f, "new", 3, &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_close(&f, VSU_EXIT_INPUT, &err), VSU_EXIT_INPUT);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_size, 3);
}
END_TEST

START_TEST(new_destination_is_removed_after_a_failure_only)
{
	ck_assert_int_eq(file_open_output(&f, path, &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_close(&f, VSU_EXIT_INPUT, &err), VSU_EXIT_INPUT);
	ck_assert(!exists());
	ck_assert_int_eq(file_open_output(&f, path, &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_close(&f, VSU_EXIT_OK, &err), VSU_EXIT_OK);
	ck_assert(exists());
}
END_TEST

/* As of NFS, whose server refuses bytes that write(2) has accepted. */
static bool fails_at_close;

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
	const int rc = __real_close(fd);

	if (!fails_at_close)
		return rc;
	errno = EDQUOT;
	return -1;
}

START_TEST(destination_that_fails_at_its_close_is_reported_and_removed)
{
	ck_assert_int_eq(file_open_output(&f, path, &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_write(&f, "new", 3, &err), VSU_EXIT_OK);
	fails_at_close = true;
	ck_assert_int_eq(file_close(&f, VSU_EXIT_OK, &err), VSU_EXIT_INPUT);
	fails_at_close = false;
	ck_assert_int_eq(err.code, -EDQUOT);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert(!exists());
}
END_TEST

START_TEST(full_destination_is_reported)
{
	ck_assert_int_eq(file_open_output(&f, "/dev/full", &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_write(&f, "x", 1, &err), VSU_EXIT_INPUT);
	ck_assert_int_eq(err.code, -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "/dev/full"));
	ck_assert_int_eq(file_close(&f, VSU_EXIT_INPUT, &err), VSU_EXIT_INPUT);
	ck_assert_int_eq(access("/dev/full", F_OK), 0);
}
END_TEST

START_TEST(dash_is_a_stream_that_is_not_closed)
{
	ck_assert_int_eq(file_open_input(&f, "-", &err), VSU_EXIT_OK);
	ck_assert_int_eq(file_close(&f, VSU_EXIT_INPUT, &err), VSU_EXIT_INPUT);
	ck_assert_int_ge(fcntl(STDIN_FILENO, F_GETFD), 0);
	ck_assert_int_eq(file_open_output(&f, "-", &err), VSU_EXIT_OK);
	ck_assert_int_eq(f.fd, STDOUT_FILENO);
	ck_assert_int_eq(file_close(&f, VSU_EXIT_INPUT, &err), VSU_EXIT_INPUT);
	ck_assert_int_ge(fcntl(STDOUT_FILENO, F_GETFD), 0);
}
END_TEST

/* The copy begins where the shell left the file's position. */
START_TEST(standard_input_has_the_size_of_its_rest)
{
	int fd;

	make_file("sector");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(lseek(fd, 2, SEEK_SET), 2);
	ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	close(fd);
	ck_assert_int_eq(file_open_input(&f, "-", &err), VSU_EXIT_OK);
	ck_assert(f.knows_size);
	ck_assert_uint_eq(f.size, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file");
	TCase *tc = tcase_create("file");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, source_has_the_size_and_the_bytes_of_its_file);
	tcase_add_test(tc, missing_source_is_named);
	tcase_add_test(tc, folder_is_neither_source_nor_destination);
	tcase_add_test(tc, fifo_is_refused_without_waiting_for_its_peer);
	tcase_add_test(tc, existing_destination_is_emptied_and_survives_a_failure);
	tcase_add_test(tc, new_destination_is_removed_after_a_failure_only);
	tcase_add_test(tc, destination_that_fails_at_its_close_is_reported_and_removed);
	tcase_add_test(tc, full_destination_is_reported);
	tcase_add_test(tc, dash_is_a_stream_that_is_not_closed);
	tcase_add_test(tc, standard_input_has_the_size_of_its_rest);
	return run_suite(s);
}

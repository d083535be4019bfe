/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what a program makes for the machine of another process: a folder, and a command. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cvmm/requests.h"
#include "cvmm/saved.h"
#include "../util.h"

static struct vsu_error err;
static struct cvmm_saved_target *target;
static char folder[64];
static int fds[CVMM_SAVED_FILES], before;

static void setup(void)
{
	strcpy(folder, "/tmp/test-saved_target.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	vsu_error_clear(&err);
	target = NULL;
	before = vsu_fd_count();
}

static void remove_files(const char *name)
{
	static const char *const files[] = { "memory", "state", "machine.json" };
	char path[64];
	size_t i;

	for (i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		unlink(path);
	}
	rmdir(name);
}

static void teardown(void)
{
	cvmm_saved_target_free(target);
	ck_assert_int_eq(vsu_fd_count(), before);
	remove_files("a.incomplete");
	remove_files("a");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

/* The caller's descriptors are closed as after they were sent. */
static void make(const char *name)
{
	unsigned int i;

	ck_assert_msg(!cvmm_saved_target_new(name, fds, &target, &err), "%s", err.msg);
	for (i = 0; i < CVMM_SAVED_FILES; i++) {
		ck_assert_int_eq(write(fds[i], "x", 1), 1);
		vsu_fd_close(&fds[i]);
	}
}

START_TEST(folder_gets_its_name_when_it_is_published)
{
	make("a");
	ck_assert(exists("a.incomplete/memory") && !exists("a"));
	ck_assert_msg(!cvmm_saved_target_publish(target, &err), "%s", err.msg);
	ck_assert(exists("a/memory") && exists("a/state") && exists("a/machine.json"));
	ck_assert(!exists("a.incomplete"));
}
END_TEST

START_TEST(slash_behind_the_name_is_ignored)
{
	make("a/");
	ck_assert_int_eq(cvmm_saved_target_publish(target, &err), 0);
	ck_assert(exists("a/memory"));
}
END_TEST

START_TEST(removed_folder_leaves_nothing)
{
	make("a");
	cvmm_saved_target_remove(target);
	ck_assert(!exists("a.incomplete") && !exists("a"));
}
END_TEST

START_TEST(folder_that_is_only_freed_stays)
{
	make("a");
	cvmm_saved_target_free(target);
	target = NULL;
	ck_assert(exists("a.incomplete/state"));
}
END_TEST

START_TEST(another_folder_is_not_removed_after_the_own_was_published)
{
	make("a");
	ck_assert_int_eq(cvmm_saved_target_publish(target, &err), 0);
	ck_assert_int_eq(mkdir("a.incomplete", 0700), 0);
	cvmm_saved_target_remove(target);
	ck_assert(exists("a.incomplete"));
}
END_TEST

START_TEST(second_publication_is_refused_and_changes_nothing)
{
	make("a");
	ck_assert_int_eq(cvmm_saved_target_publish(target, &err), 0);
	ck_assert_int_eq(mkdir("a.incomplete", 0700), 0);
	ck_assert_int_eq(cvmm_saved_target_publish(target, &err), -EINVAL);
	cvmm_saved_target_remove(target);
	ck_assert(exists("a.incomplete") && exists("a/memory"));
}
END_TEST

START_TEST(removed_folder_is_not_published)
{
	make("a");
	cvmm_saved_target_remove(target);
	ck_assert_int_eq(mkdir("a.incomplete", 0700), 0);
	ck_assert_int_eq(cvmm_saved_target_publish(target, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "'a.incomplete' was removed");
	cvmm_saved_target_remove(target);
	ck_assert(exists("a.incomplete") && !exists("a"));
}
END_TEST

START_TEST(existing_folder_is_refused)
{
	ck_assert_int_eq(mkdir("a", 0700), 0);
	ck_assert_int_eq(cvmm_saved_target_new("a", fds, &target, &err), -EEXIST);
	ck_assert_ptr_null(target);
	ck_assert(exists("a") && !exists("a.incomplete"));
}
END_TEST

START_TEST(folder_that_another_save_makes_is_refused)
{
	ck_assert_int_eq(mkdir("a.incomplete", 0700), 0);
	ck_assert_int_eq(cvmm_saved_target_new("a", fds, &target, &err), -EEXIST);
	ck_assert(exists("a.incomplete"));
}
END_TEST

START_TEST(missing_name_is_refused)
{
	ck_assert_int_eq(cvmm_saved_target_new(NULL, fds, &target, &err), -EINVAL);
	ck_assert_int_eq(cvmm_saved_target_new("", fds, &target, &err), -EINVAL);
}
END_TEST

START_TEST(folder_that_cannot_get_its_name_is_named)
{
	make("a");
	ck_assert_int_eq(mkdir("a", 0700), 0);
	ck_assert_int_eq(cvmm_saved_target_publish(target, &err), -EEXIST);
	ck_assert_msg(strstr(err.msg, "the saved machine is in 'a.incomplete'"), "%s", err.msg);
	ck_assert(exists("a.incomplete/memory"));
}
END_TEST

/* -------------------------------------------------------------------- command */

START_TEST(command_has_the_socket_as_its_input_and_output)
{
	pid_t process = 0;
	int fd = cvmm_migration_start_command("read line; echo $line back", &process, &err);
	char text[16] = "";

	ck_assert_msg(fd >= 0, "%s", err.msg);
	ck_assert_int_gt(process, 0);
	ck_assert_int_eq(write(fd, "one\n", 4), 4);
	cvmm_migration_end_command(process);
	ck_assert_int_eq(read(fd, text, sizeof(text) - 1), 9);
	ck_assert_str_eq(text, "one back\n");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(command_that_does_not_end_is_ended)
{
	pid_t process = 0;
	int fd = cvmm_migration_start_command("exec sleep 1000", &process, &err);

	ck_assert_int_ge(fd, 0);
	vsu_fd_close(&fd);
	cvmm_migration_end_command(process);
	ck_assert_int_eq(kill(process, 0), -1);
	ck_assert_int_eq(errno, ESRCH);
}
END_TEST

START_TEST(missing_command_is_refused)
{
	pid_t process = 0;

	ck_assert_int_eq(cvmm_migration_start_command(NULL, &process, &err), -EINVAL);
	ck_assert_int_eq(process, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("saved target");
	TCase *tc = tcase_create("saved target");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, folder_gets_its_name_when_it_is_published);
	tcase_add_test(tc, slash_behind_the_name_is_ignored);
	tcase_add_test(tc, removed_folder_leaves_nothing);
	tcase_add_test(tc, folder_that_is_only_freed_stays);
	tcase_add_test(tc, another_folder_is_not_removed_after_the_own_was_published);
	tcase_add_test(tc, second_publication_is_refused_and_changes_nothing);
	tcase_add_test(tc, removed_folder_is_not_published);
	tcase_add_test(tc, existing_folder_is_refused);
	tcase_add_test(tc, folder_that_another_save_makes_is_refused);
	tcase_add_test(tc, missing_name_is_refused);
	tcase_add_test(tc, folder_that_cannot_get_its_name_is_named);
	tcase_add_test(tc, command_has_the_socket_as_its_input_and_output);
	tcase_add_test(tc, command_that_does_not_end_is_ended);
	tcase_add_test(tc, missing_command_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

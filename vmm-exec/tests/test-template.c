/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the folder of templates: how they are made, found, checked, listed and removed. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <vmm-sys-util/fd.h>

#include "cvmm/template.h"
#include "util.h"

static int lock_failure;	/* errno of flock(); 0: as usual */

#pragma GCC visibility push(default)
int __wrap_flock(int fd, int operation);
int __real_flock(int fd, int operation);
#pragma GCC visibility pop

/* As on NFS: a file is open for writing if it is locked exclusively. */
int __wrap_flock(int fd, int operation)
{
	const bool writable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY;

	errno = lock_failure ? lock_failure : EBADF;
	return lock_failure || (operation & LOCK_EX && !writable) ? -1 : __real_flock(fd, operation);
}

static char folder[] = "/tmp/test-template-XXXXXX";
static struct cvmm_template_config config;
static struct cvmm_template *t;
static int fds[CVMM_TEMPLATE_FILES] = { -1, -1, -1 };
static struct vsu_error err;
static char listed[256];

static const char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	ck_assert_int_eq(lstat(path_of(name), &st), 0);
	return st.st_mode & 07777;
}

static bool exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	*listed = '\0';
	config = (struct cvmm_template_config){
		.size = sizeof(config), .kernel = "/boot/no-such-kernel", .root = "/", .memory = "1G", .cpus = 2, .folders = 4,
	};
}

static const struct cvmm_template_info *info(void)
{
	return cvmm_template_get_info(t);
}

static void close_template(void)
{
	int i;

	cvmm_template_close(t);
	t = NULL;
	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&fds[i]);
}

static void after(void)
{
	char command[64];

	close_template();
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static int begin(const char *name)
{
	return cvmm_template_begin(folder, name, &config, fds, &t, &err);
}

static void make(const char *name)
{
	ck_assert_int_eq(begin(name), 0);
	ck_assert_int_eq(cvmm_template_publish(t, NULL), 0);
	close_template();
}

static void write_info(const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/template", name);
	f = fopen(path_of(path), "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

START_TEST(template_exists_when_it_is_complete)
{
	ck_assert_int_eq(begin("base"), 0);
	ck_assert_int_eq(write(fds[0], "memory", 6), 6);
	ck_assert(exists("base.incomplete/machine/memory"));
	ck_assert_int_eq(cvmm_template_publish(t, NULL), 0);
	close_template();
	ck_assert(!exists("base.incomplete"));
	ck_assert_uint_eq(mode_of("base"), 0700);
	ck_assert_uint_eq(mode_of("base/machine/memory"), 0600);
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), 0);
	ck_assert_str_eq(info()->version, PACKAGE_VERSION);
	ck_assert_str_eq(info()->kernel, "/boot/no-such-kernel");
	ck_assert_uint_eq(info()->cpus, 2);
	ck_assert_uint_ge(info()->bytes, 4096);
}
END_TEST

START_TEST(template_is_found_by_its_path)
{
	make("base");
	ck_assert_int_eq(cvmm_template_open(NULL, path_of("base"), &t, NULL), 0);
	ck_assert_uint_eq(info()->folders, 4);
}
END_TEST

START_TEST(failure_leaves_nothing)
{
	ck_assert_int_eq(begin("base"), 0);
	close_template();
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(name_in_use_is_refused)
{
	make("base");
	ck_assert_int_eq(begin("base"), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.msg, "remove it first"));
}
END_TEST

START_TEST(one_process_makes_a_template)
{
	struct cvmm_template *other = NULL;
	int others[CVMM_TEMPLATE_FILES];

	ck_assert_int_eq(begin("base"), 0);
	ck_assert_int_eq(cvmm_template_begin(folder, "base", &config, others, &other, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "another process is making"));
	ck_assert_ptr_null(other);
	ck_assert(exists("base.incomplete/template"));
}
END_TEST

/* The process that has locked the new file first. */
START_TEST(template_of_a_faster_process_remains)
{
	lock_failure = _i ? ENOLCK : EWOULDBLOCK;
	ck_assert_int_eq(begin("base"), -lock_failure);
	lock_failure = 0;
	close_template();
	ck_assert_int_eq(exists("base.incomplete/template"), _i == 0);
}
END_TEST

START_TEST(incomplete_template_of_a_killed_process_is_replaced)
{
	pid_t child = fork();

	if (!child)
		_exit(begin("base") < 0);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(exists("base.incomplete/template"));
	ck_assert_int_eq(begin("base"), 0);
	close_template();
	ck_assert_int_eq(mkdir(path_of("base.incomplete"), 0700), 0);
	vsu_error_clear(&err);
	ck_assert_int_eq(begin("base"), 0);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

START_TEST(template_of_a_running_clone_is_not_removed)
{
	make("base");
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), 0);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "in use: a command runs in a clone, or a pool keeps clones; end it first"));
	ck_assert(exists("base/machine/memory"));
	close_template();
	ck_assert_int_eq(cvmm_template_remove(folder, "base", NULL), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
}
END_TEST

START_TEST(file_system_without_locks_is_named)
{
	make("base");
	lock_failure = ENOLCK;
	ck_assert_int_eq(_i ? cvmm_template_remove(folder, "base", &err) : cvmm_template_open(folder, "base", &t, &err), -ENOLCK);
	lock_failure = 0;
	ck_assert_msg(strstr(err.msg, "cannot lock template '") && strstr(err.msg, "No locks available"), "%s", err.msg);
}
END_TEST

START_TEST(removal_by_a_killed_process_is_completed)
{
	make("base");
	ck_assert_int_eq(rename(path_of("base"), strcat(strcpy((char[64]){ "" }, folder), "/base.removed")), 0);
	make("base");
	ck_assert_int_eq(cvmm_template_remove(folder, "base", NULL), 0);
	ck_assert(!exists("base.removed"));
}
END_TEST

START_TEST(removal_keeps_files_of_others)
{
	make("base");
	ck_assert_int_eq(mkdir(path_of("base/mine"), 0700), 0);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), -ENOTEMPTY);
	ck_assert(exists("base.removed/mine"));
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), -ENOENT);
}
END_TEST

START_TEST(rejects_invalid_names)
{
	static const char *const names[] = {
		"", ".", "..", "-x", ".hidden", "a\nb", "a.incomplete", "a.removed",
		"a2345678901234567890123456789012345678901234567890123456789012345",
	};

	ck_assert_int_eq(begin(names[_i]), -EINVAL);
	ck_assert_int_eq(cvmm_template_open(folder, names[_i], &t, &err), -EINVAL);
	ck_assert_int_eq(cvmm_template_remove(folder, names[_i], &err), -EINVAL);
}
END_TEST

START_TEST(rejects_paths_for_new_and_removed_templates)
{
	ck_assert_int_eq(begin("a/b"), -EINVAL);
	ck_assert_int_eq(cvmm_template_remove(folder, "../base", &err), -EINVAL);
}
END_TEST

/* Writers of its files determine what a clone executes. */
START_TEST(template_that_others_may_change_is_refused)
{
	static const char *const names[] = { "base", "base/template", "base/machine", "base/machine/state", "base/machine/machine.json" };
	const char *path;
	mode_t mode;

	make("base");
	path = path_of(names[_i]);
	mode = mode_of(names[_i]);
	ck_assert_int_eq(chmod(path, mode | S_IWOTH), 0);
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_ptr_nonnull(strstr(err.msg, "other users may change"));
	ck_assert_int_eq(chmod(path, mode | S_IWGRP), 0);
	ck_assert_int_eq(cvmm_template_open(NULL, path_of("base"), &t, &err), -EPERM);
	ck_assert_int_eq(chmod(path_of(names[_i]), mode | S_IROTH), 0);
	close_template();
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), 0);
}
END_TEST

/* Before the time that making it takes. */
START_TEST(template_that_would_be_refused_is_not_made)
{
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(begin("base"), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "other users may write to the folder"));
	ck_assert(!exists("base.incomplete"));
	ck_assert_int_eq(chmod(folder, 0700), 0);
	ck_assert_int_eq(begin("base"), 0);
	close_template();
}
END_TEST

START_TEST(template_of_another_user_is_refused)
{
	static const char *const names[] = { "base", "base/template", "base/machine/memory" };

	make("base");
	ck_assert_int_eq(chown(path_of(names[_i]), 65534, (gid_t)-1), 0);
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "belongs to another user"));
}
END_TEST

START_TEST(rejects_invalid_descriptions)
{
	static const char *const texts[] = {
		"", "cvmm 1\n", "cvmm\nkernel\nroot\nmemory\nagent\ncpus\nfolders\n",
		"cvmm 1\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus x\nfolders 4\n",
		"cvmm 1\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus 4294967296\nfolders 4\n",
		"cvmm 1234567890123456789012345678901234567890\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus 1\nfolders 4\n",
	};

	make("base");
	write_info("base", texts[_i]);
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "its description is invalid"));
}
END_TEST

START_TEST(keys_of_later_versions_are_ignored)
{
	make("base");
	write_info("base", "new key\ncvmm 1\nkernel a b\nroot /\nmemory 1G\nagent 7\ncpus 1\nfolders 4\nnet 1\n");
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), 0);
	ck_assert_uint_eq(info()->cards, 1);
	ck_assert_str_eq(info()->kernel, "a b");
	ck_assert_uint_eq(info()->agent, 7);
}
END_TEST

START_TEST(templates_of_earlier_versions_have_no_network)
{
	make("base");
	write_info("base", "cvmm 1\nkernel k\nroot /\nmemory 1G\nagent 1\ncpus 1\nfolders 4\n");
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), 0);
	ck_assert_uint_eq(info()->cards, 0);
}
END_TEST

static const struct {
	struct cvmm_template_config config;
	int code;
	const char *why;
} contents[] = {
	{ { .kernel = "k", .root = "/a\ncpus 9", .memory = "1G" }, -EINVAL, "has a line break, which the description" },
	{ { .root = "/", .memory = "1G" }, -EINVAL, "'kernel' of a template is NULL" },
	{ { .kernel = "k", .root = "/" }, -EINVAL, "'memory' of a template is NULL" },
};

START_TEST(text_that_no_description_can_have_is_refused)
{
	config = contents[_i].config;
	config.size = sizeof(config);
	ck_assert_int_eq(begin("base"), contents[_i].code);
	ck_assert_msg(strstr(err.msg, contents[_i].why), "%s", err.msg);
	ck_assert(!exists("base.incomplete"));
}
END_TEST

START_TEST(text_that_is_too_long_is_refused)
{
	char memory[257];

	memset(memory, '1', sizeof(memory) - 1);
	memory[sizeof(memory) - 1] = '\0';
	config.memory = memory;
	ck_assert_int_eq(begin("base"), -E2BIG);
	ck_assert_str_eq(err.msg, "memory: more than 255 characters");
	memory[255] = '\0';
	ck_assert_int_eq(begin("base"), 0);
}
END_TEST

START_TEST(complete_template_is_not_published_again)
{
	make("base");
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, NULL), 0);
	ck_assert_int_eq(cvmm_template_publish(t, &err), -EINVAL);
	close_template();
	ck_assert(exists("base"));
}
END_TEST

START_TEST(folder_is_that_of_the_user)
{
	static const struct {
		const char *given, *data, *home, *path;
	} rows[] = {
		{ "x", "/data", "/home/u", "x" },
		{ NULL, "/data", "/home/u", "/data/cvmm/templates" },
		{ NULL, "relative", "/home/u", "/home/u/.local/share/cvmm/templates" },
		{ NULL, "", "/home/u", "/home/u/.local/share/cvmm/templates" },
		{ NULL, "", "", NULL },
	};
	char named[PATH_MAX];

	setenv("XDG_DATA_HOME", rows[_i].data, 1);
	setenv("HOME", rows[_i].home, 1);
	ck_assert_int_eq(cvmm_template_open(rows[_i].given, "base", &t, &err), -ENOENT);
	snprintf(named, sizeof(named), "'%s/base'", rows[_i].path ? rows[_i].path : "");
	ck_assert_msg(strstr(err.msg, rows[_i].path ? named : "no home folder"), "%s", err.msg);
}
END_TEST

START_TEST(folder_of_the_user_is_made_for_its_owner)
{
	umask(_i ? 022 : 0);
	setenv("XDG_DATA_HOME", path_of("a/b"), 1);
	ck_assert_int_eq(cvmm_template_begin(NULL, "base", &config, fds, &t, NULL), 0);
	ck_assert_uint_eq(mode_of("a/b/cvmm"), 0755);
	ck_assert_uint_eq(mode_of("a/b/cvmm/templates"), 0700);
	close_template();
}
END_TEST

static void on_template(void *opaque, const char *name, const struct cvmm_template *each, const struct vsu_error *why)
{
	const size_t len = strlen(listed);

	ck_assert_ptr_eq(opaque, &err);
	ck_assert_int_eq(!each, why->code < 0);
	snprintf(listed + len, sizeof(listed) - len, "%s:%u ", name, each ? cvmm_template_get_info(each)->cpus : 0);
}

START_TEST(contents_are_those_of_the_files)
{
	make("base");
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), 0);
	ck_assert_int_eq(strncmp(info()->path, folder, strlen(folder)), 0);
	ck_assert_str_eq(info()->version, PACKAGE_VERSION);
	ck_assert_str_eq(info()->root, "/");
	ck_assert_str_eq(info()->memory, "1G");
	ck_assert_uint_eq(info()->cpus, 2);
	ck_assert_uint_eq(info()->folders, 4);
	ck_assert_uint_eq(info()->cards, 0);
	ck_assert(info()->made > 0 && info()->made <= time(NULL));
	ck_assert_int_ne(cvmm_template_check(t, &err), -EPROTO);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), -EBUSY);
	close_template();
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), 0);
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), -ENOENT);
}
END_TEST

START_TEST(list_has_each_name_once_and_invalid_ones_with_a_reason)
{
	char path[PATH_MAX];

	make("b");
	make("a");
	snprintf(path, sizeof(path), "%s/broken", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(cvmm_template_list(folder, on_template, &err, &err), 0);
	ck_assert_str_eq(listed, "a:2 b:2 broken:0 ");
	rmdir(path);
	ck_assert_int_eq(cvmm_template_remove(folder, "a", &err), 0);
	ck_assert_int_eq(cvmm_template_remove(folder, "b", &err), 0);
}
END_TEST

START_TEST(folder_that_does_not_exist_is_an_error_if_it_was_named)
{
	ck_assert_int_eq(cvmm_template_list("/nonexistent", on_template, &err, &err), -ENOENT);
	ck_assert_int_eq(setenv("XDG_DATA_HOME", "/nonexistent", 1), 0);
	ck_assert_int_eq(cvmm_template_list(NULL, on_template, &err, &err), 0);
	ck_assert_str_eq(listed, "");
	cvmm_template_close(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("template");
	TCase *tc = tcase_create("template");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, template_exists_when_it_is_complete);
	tcase_add_test(tc, template_is_found_by_its_path);
	tcase_add_test(tc, failure_leaves_nothing);
	tcase_add_test(tc, name_in_use_is_refused);
	tcase_add_test(tc, one_process_makes_a_template);
	tcase_add_loop_test(tc, template_of_a_faster_process_remains, 0, 2);
	tcase_add_test(tc, incomplete_template_of_a_killed_process_is_replaced);
	tcase_add_test(tc, template_of_a_running_clone_is_not_removed);
	tcase_add_loop_test(tc, file_system_without_locks_is_named, 0, 2);
	tcase_add_test(tc, removal_by_a_killed_process_is_completed);
	tcase_add_test(tc, removal_keeps_files_of_others);
	tcase_add_loop_test(tc, rejects_invalid_names, 0, 9);
	tcase_add_test(tc, rejects_paths_for_new_and_removed_templates);
	tcase_add_loop_test(tc, template_that_others_may_change_is_refused, 0, 5);
	tcase_add_test(tc, template_that_would_be_refused_is_not_made);
	tcase_add_loop_test_unless(tc, geteuid() ? "needs root, who makes another user's files" : NULL,
				   template_of_another_user_is_refused, 0, 3);
	tcase_add_loop_test(tc, rejects_invalid_descriptions, 0, 6);
	tcase_add_test(tc, keys_of_later_versions_are_ignored);
	tcase_add_test(tc, templates_of_earlier_versions_have_no_network);
	tcase_add_loop_test(tc, text_that_no_description_can_have_is_refused, 0, COUNT(contents));
	tcase_add_test(tc, text_that_is_too_long_is_refused);
	tcase_add_test(tc, complete_template_is_not_published_again);
	tcase_add_loop_test(tc, folder_is_that_of_the_user, 0, 5);
	tcase_add_loop_test(tc, folder_of_the_user_is_made_for_its_owner, 0, 2);
	tcase_add_test(tc, contents_are_those_of_the_files);
	tcase_add_test(tc, list_has_each_name_once_and_invalid_ones_with_a_reason);
	tcase_add_test(tc, folder_that_does_not_exist_is_an_error_if_it_was_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

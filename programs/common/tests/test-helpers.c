/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the folder of files that are installed with the program, by copies of this one. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/helpers.h"
#include "util.h"

#define QUESTION "--where"
#define OTHER 12345

static char prefix[] = "/tmp/cvmm-helpers.XXXXXX";

static const char *below(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", prefix, name);
	return path;
}

static void make_folder(const char *name)
{
	ck_assert_int_eq(mkdir(below(name), 0700), 0);
}

static void copy_this_program(const char *to)
{
	const int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat st;

	ck_assert(in >= 0 && out >= 0 && !fstat(in, &st));
	while (sendfile(out, in, NULL, (size_t)st.st_size) > 0)
		;
	ck_assert_int_eq(lseek(out, 0, SEEK_CUR), st.st_size);
	close(in);
	close(out);
}

/* The path of the first program of guests, as a copy of this program below the prefix finds it. */
static const char *answer_of(const char *program)
{
	static char answer[PATH_MAX];
	char command[2 * PATH_MAX];
	FILE *said;

	copy_this_program(below(program));
	snprintf(command, sizeof(command), "%s %s", below(program), QUESTION);
	said = popen(command, "r");
	ck_assert_ptr_nonnull(said);
	ck_assert_ptr_nonnull(fgets(answer, sizeof(answer), said));
	ck_assert_int_eq(pclose(said), 0);
	answer[strcspn(answer, "\n")] = '\0';
	return answer;
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(prefix));
	make_folder("bin");
}

static void teardown(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -r %s", prefix);
	ck_assert_int_eq(system(command), 0);
	strcpy(strrchr(prefix, '.'), ".XXXXXX");
}

static void make_libexec(void)
{
	make_folder("libexec");
	make_folder("libexec/" PACKAGE);
}

START_TEST(folder_beside_the_programs_is_preferred)
{
	make_libexec();
	ck_assert_str_eq(answer_of("bin/program"), below("libexec/" PACKAGE "/cvmm-init"));
}
END_TEST

/* cvmm of an installation that was moved has executed the program. */
START_TEST(program_in_the_folder_finds_it)
{
	make_libexec();
	ck_assert_str_eq(answer_of("libexec/" PACKAGE "/program"), below("libexec/" PACKAGE "/cvmm-init"));
}
END_TEST

START_TEST(folder_of_configure_is_the_other)
{
	ck_assert_str_eq(answer_of("bin/program"), HELPER_FOLDER "/cvmm-init");
}
END_TEST

static const char *const folders[] = { "libexec", "libexec/" PACKAGE };

START_TEST(folder_that_all_may_write_to_is_not_used)
{
	make_libexec();
	ck_assert_int_eq(chmod(below(folders[_i]), 0777), 0);
	ck_assert_str_eq(answer_of("bin/program"), HELPER_FOLDER "/cvmm-init");
}
END_TEST

START_TEST(folder_of_another_user_is_not_used)
{
	make_libexec();
	ck_assert_int_eq(chown(below(folders[_i]), OTHER, (gid_t)-1), 0);
	ck_assert_str_eq(answer_of("bin/program"), HELPER_FOLDER "/cvmm-init");
}
END_TEST

START_TEST(link_of_another_user_is_not_used)
{
	make_folder("real");
	make_folder("real/" PACKAGE);
	ck_assert_int_eq(symlink("real", below("libexec")), 0);
	ck_assert_int_eq(lchown(below("libexec"), OTHER, (gid_t)-1), 0);
	ck_assert_str_eq(answer_of("bin/program"), HELPER_FOLDER "/cvmm-init");
}
END_TEST

/* Who could replace the program as well. */
START_TEST(folder_of_the_owner_of_the_programs_is_used)
{
	make_libexec();
	ck_assert_int_eq(chown(below("bin"), OTHER, (gid_t)-1), 0);
	ck_assert_int_eq(chown(below("libexec"), OTHER, (gid_t)-1), 0);
	ck_assert_str_eq(answer_of("bin/program"), below("libexec/" PACKAGE "/cvmm-init"));
}
END_TEST

static const struct {
	const char *name, *why;
} names[] = {
	{ "builtin:selftset", "no built-in kernel 'selftset'; did you mean 'selftest'" },
	{ "builtin:", "no built-in kernel ''; the usual one is 'selftest'" },
	{ "builtin:../cvmm-init", "no built-in kernel '../cvmm-init'; the usual one is 'selftest'" },
	{ "builtin:selftest", "the kernel 'builtin:selftest' is not installed: there is no file '" },
};

START_TEST(kernel_without_a_file_keeps_its_name)
{
	const char *kernel = names[_i].name;
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vmm_helper_kernel(&kernel, &err), -ENOENT);
	ck_assert_msg(!strncmp(err.msg, names[_i].why, strlen(names[_i].why)), "%s", err.msg);
	ck_assert_ptr_eq(kernel, names[_i].name);
}
END_TEST

START_TEST(path_of_a_kernel_stays)
{
	const char *kernel = "./builtin", *none = NULL;

	ck_assert_int_eq(vmm_helper_kernel(&kernel, NULL), 0);
	ck_assert_str_eq(kernel, "./builtin");
	ck_assert_int_eq(vmm_helper_kernel(&none, NULL), 0);
	ck_assert_ptr_null(none);
}
END_TEST

static int run_tests(void)
{
	Suite *s = suite_create("helpers");
	TCase *tc = tcase_create("folders"), *kernels = tcase_create("kernels");
	const char *why = geteuid() ? "only root makes files of other users" : NULL;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, folder_beside_the_programs_is_preferred);
	tcase_add_test(tc, program_in_the_folder_finds_it);
	tcase_add_test(tc, folder_of_configure_is_the_other);
	tcase_add_loop_test(tc, folder_that_all_may_write_to_is_not_used, 0, 2);
	tcase_add_loop_test_unless(tc, why, folder_of_another_user_is_not_used, 0, 2);
	tcase_add_test_unless(tc, why, link_of_another_user_is_not_used);
	tcase_add_test_unless(tc, why, folder_of_the_owner_of_the_programs_is_used);
	tcase_add_loop_test(kernels, kernel_without_a_file_keeps_its_name, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(kernels, path_of_a_kernel_stays);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, kernels);
	return run_suite(s);
}

/* A copy that answers makes no tests. */
int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], QUESTION))
		return puts(vmm_helper_init(false)) < 0;
	return run_tests();
}

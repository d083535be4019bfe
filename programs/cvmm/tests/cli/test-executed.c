/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about commands that are programs of their own, by copies of this one. */
#include <config.h>

#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <vmm-sys-util/exit.h>

#include "cli/executed.h"
#include "util.h"

#define PROGRAM "cvmm-initrd"
#define LIBEXEC "libexec/" PACKAGE

static char prefix[] = "/tmp/cvmm-executed.XXXXXX";

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

static void copy_this_program(const char *name)
{
	const int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const int out = open(below(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat st;

	ck_assert(in >= 0 && out >= 0 && !fstat(in, &st));
	while (sendfile(out, in, NULL, (size_t)st.st_size) > 0)
		;
	ck_assert_int_eq(lseek(out, 0, SEEK_CUR), st.st_size);
	close(in);
	close(out);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(prefix));
	make_folder("bin");
	make_folder("libexec");
	make_folder(LIBEXEC);
	copy_this_program("bin/cvmm");
}

static void teardown(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -r %s", prefix);
	ck_assert_int_eq(system(command), 0);
	strcpy(strrchr(prefix, '.'), ".XXXXXX");
}

/* Runs the copy of cvmm with these words and a variable, and returns the line that it prints. */
static const char *answer_to(const char *variable, const char *words, int status)
{
	static char answer[PATH_MAX];
	char command[2 * PATH_MAX];
	FILE *said;

	snprintf(command, sizeof(command), "%s %s %s", variable, below("bin/cvmm"), words);
	said = popen(command, "r");
	ck_assert_ptr_nonnull(said);
	ck_assert_ptr_nonnull(fgets(answer, sizeof(answer), said));
	ck_assert_int_eq(pclose(said), status << 8);
	answer[strcspn(answer, "\n")] = '\0';
	return answer;
}

/* A command line of the process looks as it was typed. */
START_TEST(program_receives_the_words_behind_the_command)
{
	char words[PATH_MAX];

	copy_this_program(LIBEXEC "/" PROGRAM);
	snprintf(words, sizeof(words), "%s initrd|--help|a b|", below("bin/cvmm"));
	ck_assert_str_eq(answer_to("", "initrd --help 'a b'", 0), words);
	ck_assert_str_eq(answer_to("", "-- initrd --help 'a b'", 0), words);
}
END_TEST

START_TEST(command_without_its_program_is_not_installed)
{
	char why[PATH_MAX];

	snprintf(why, sizeof(why), "the command 'initrd' is not installed: there is no file '%s'", below(LIBEXEC "/" PROGRAM));
	ck_assert_str_eq(answer_to("", "initrd", VSU_EXIT_HOST), why);
}
END_TEST

/* Another user may have chosen it. */
START_TEST(program_of_the_environment_is_not_executed)
{
	static const char *const names[] = { "PATH", "CVMM_MODULES", "LIBEXECDIR", "CVMM_EXEC_PATH" };
	char variable[PATH_MAX];

	copy_this_program("bin/" PROGRAM);
	snprintf(variable, sizeof(variable), "%s=%s", names[_i], below("bin"));
	ck_assert_ptr_nonnull(strstr(answer_to(variable, "initrd", VSU_EXIT_HOST), "is not installed"));
}
END_TEST

static const char *const others[] = { "init", "metrics", "run", "help", ("../" PROGRAM), "", "initrd/" };

/* Files of the folder that are no commands are not executed either. */
START_TEST(other_words_are_no_programs)
{
	char file[NAME_MAX], words[NAME_MAX];

	snprintf(file, sizeof(file), LIBEXEC "/cvmm-%s", others[_i]);
	if (!strchr(others[_i], '/'))
		copy_this_program(file);
	snprintf(words, sizeof(words), "'%s'", others[_i]);
	ck_assert_str_eq(answer_to("", words, 0), "none");
}
END_TEST

static int run_tests(void)
{
	Suite *s = suite_create("executed");
	TCase *tc = tcase_create("executed");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, program_receives_the_words_behind_the_command);
	tcase_add_test(tc, command_without_its_program_is_not_installed);
	tcase_add_loop_test(tc, program_of_the_environment_is_not_executed, 0, 4);
	tcase_add_loop_test(tc, other_words_are_no_programs, 0, COUNT(others));
	suite_add_tcase(s, tc);
	return run_suite(s);
}

static int execute(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int status = vmm_executed_become(argc, argv, &err);

	puts(status ? err.msg : "none");
	return status;
}

static int print_words(char **argv)
{
	while (*argv)
		printf("%s|", *argv++);
	return 0;
}

/*
 * The copy 'cvmm' executes, copies with other names print their words. Only the name of the test
 * itself, to which libtool adds "lt-", runs tests: a copy that did would make copies without end.
 */
int main(int argc, char **argv)
{
	char self[PATH_MAX] = "";
	const char *name;

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return EXIT_FAILURE;
	name = strrchr(self, '/') + 1;
	if (!strcmp(name, "test-executed") || !strcmp(name, "lt-test-executed"))
		return run_tests();
	return strcmp(name, "cvmm") ? print_words(argv) : execute(argc, argv);
}

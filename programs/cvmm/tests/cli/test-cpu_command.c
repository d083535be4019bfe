/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm cpu": what files have in common, and which files it refuses. */
#include <config.h>

#include <vmm-sys-util/exit.h>

#include "cli/cpu_command.h"
#include "util.h"

#define KEYS "vendor=AuthenticAMD family=23 model=1 stepping=2\n"

static struct vsu_error err;
static char folder[64], paths[2][96], printed[4096];

static void setup(void)
{
	unsigned int i;

	strcpy(folder, "cpu_command.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (i = 0; i < COUNT(paths); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%u", folder, i);
	vsu_error_clear(&err);
}

static void teardown(void)
{
	unlink(paths[0]);
	unlink(paths[1]);
	rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* "cvmm cpu" with both files. */
static int describe(const char *first, const char *second)
{
	static char name[] = "cpu";
	char *words[] = { name, paths[0], paths[1], NULL };
	static struct vmm_cpu_command c;
	FILE *out = fmemopen(printed, sizeof(printed), "w");
	int status;

	ck_assert_ptr_nonnull(out);
	write_file(paths[0], first);
	write_file(paths[1], second);
	ck_assert_int_eq(vmm_cpu_command_parse(&c, 3, words, &err), 0);
	status = vmm_cpu_command_run(&c, out, &err);
	fclose(out);
	return status;
}

START_TEST(common_features_are_printed_in_lines)
{
	ck_assert_msg(!describe(KEYS "sse3 ssse3 avx aes sse4.1 sse4.2 popcnt movbe clflushopt bmi1",
				KEYS "sse3 ssse3 avx2 aes sse4.1 sse4.2 popcnt movbe clflushopt bmi1"), "%s", err.msg);
	ck_assert_str_eq(printed,
		"# What the processors in 2 files have in common, for 'cvmm run --cpu=FILE'\n"
		"vendor=AuthenticAMD family=23 model=1 stepping=2 sse3 ssse3 sse4.1 sse4.2 movbe\n"
		"popcnt aes bmi1 clflushopt\n");
}
END_TEST

START_TEST(output_is_a_file_of_its_own)
{
	static char again[sizeof(printed)];

	ck_assert_int_eq(describe(KEYS "sse3 aes", KEYS "sse3 aes smep"), 0);
	strcpy(again, printed);
	ck_assert_int_eq(describe(again, again), 0);
	ck_assert_str_eq(printed, again);
}
END_TEST

static const struct { const char *second; int status; const char *complaint; } refused[] = {
	{ KEYS "sse5", VSU_EXIT_DATA, "/1': line 2: 'sse5' is not a feature that this version knows; remove it" },
	{ "", VSU_EXIT_DATA, "/1': it has no 'vendor='" },
	{ "vendor=GenuineIntel family=6 model=1 stepping=2", VSU_EXIT_HOST,
	  "/1': processors of AuthenticAMD and GenuineIntel have no common description; a guest cannot move between vendors" },
};

START_TEST(refused_file_is_named_and_nothing_is_printed)
{
	ck_assert_int_eq(describe(KEYS "sse3", refused[_i].second), refused[_i].status);
	ck_assert_ptr_nonnull(strstr(err.msg, refused[_i].complaint));
	ck_assert_str_eq(printed, "");
}
END_TEST

START_TEST(number_of_files_is_limited)
{
	static char name[] = "cpu";
	static char *words[VMM_CPU_COMMAND_FILES + 3];
	static struct vmm_cpu_command c;
	unsigned int i;

	for (i = 0; i < VMM_CPU_COMMAND_FILES + 2; i++)
		words[i] = name;
	ck_assert_int_eq(vmm_cpu_command_parse(&c, VMM_CPU_COMMAND_FILES + 1, words, &err), 0);
	assert_refused(vmm_cpu_command_parse(&c, VMM_CPU_COMMAND_FILES + 2, words, &err), -EINVAL,
		       "cpu: more than 256 files", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_command");
	TCase *tc = tcase_create("cpu_command");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, common_features_are_printed_in_lines);
	tcase_add_test(tc, output_is_a_file_of_its_own);
	tcase_add_loop_test(tc, refused_file_is_named_and_nothing_is_printed, 0, (int)COUNT(refused));
	tcase_add_test(tc, number_of_files_is_limited);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

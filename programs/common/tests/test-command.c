/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the main() of programs that cvmm executes. */
#include <config.h>

#include <string.h>
#include <sys/prctl.h>

#include "common/command.h"
#include "confine/privileges.h"
#include "util.h"

#define STATUS 77

static int check_process(int argc, char **argv)
{
	char name[16] = "";

	return argc == 1 && !strcmp(argv[0], "cvmm initrd") && !prctl(PR_GET_NAME, name) && !strcmp(name, "cvmm") ? STATUS : 1;
}

/* The list of processes shows it as it showed the command of cvmm. */
START_TEST(process_has_the_name_of_cvmm)
{
	char name[] = "cvmm initrd", *argv[] = { name, NULL };

	ck_assert_int_eq(prctl(PR_SET_NAME, "cvmm-initrd"), 0);
	ck_assert_int_eq(vmm_command_main(1, argv, check_process), STATUS);
}
END_TEST

#ifndef UNDER_SANITIZER	/* whose runtime traces this process */
static int refuse_tracing(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return prctl(PR_GET_DUMPABLE);
}

START_TEST(process_cannot_be_traced)
{
	char name[] = "cvmm exec", *argv[] = { name, NULL };

	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1), 0);
	ck_assert_int_eq(vmm_command_main(1, argv, refuse_tracing), 0);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("command");
	TCase *tc = tcase_create("command");

	tcase_add_test(tc, process_has_the_name_of_cvmm);
#ifndef UNDER_SANITIZER
	tcase_add_test(tc, process_cannot_be_traced);
#endif
	suite_add_tcase(s, tc);
	return run_suite(s);
}

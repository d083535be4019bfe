/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command that tries memory without a guest. */
#include <config.h>

#include <sys/mman.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "cli/memory_command.h"
#include "util.h"

#define WORDS 70

static struct vmm_memory_command command;
static struct vsu_error err;
static char *words[WORDS];
static int nwords;

static void setup(void)
{
	static char name[] = "memory";

	memset(words, 0, sizeof(words));
	words[0] = name;
	nwords = 1;
	vsu_error_clear(&err);
}

static void add(const char *word)
{
	ck_assert_int_lt(nwords, WORDS - 1);
	words[nwords++] = (char *)(uintptr_t)word;
}

static int parse(void)
{
	return vmm_memory_command_parse(&command, nwords, words, &err);
}

/* Runs the command; returns what it prints. */
static const char *run(int *status)
{
	static char text[8192];
	int own = vsu_fd_dup(STDOUT_FILENO), to = memfd_create("stdout", MFD_CLOEXEC);

	memset(text, 0, sizeof(text));
	fflush(stdout);
	ck_assert_int_eq(dup2(to, STDOUT_FILENO), STDOUT_FILENO);
	*status = vmm_memory_command_run(&command, NULL, &err);
	fflush(stdout);
	ck_assert_int_eq(dup2(own, STDOUT_FILENO), STDOUT_FILENO);
	ck_assert_int_ge(pread(to, text, sizeof(text) - 1, 0), 0);
	vsu_fd_close(&own);
	vsu_fd_close(&to);
	return text;
}

static unsigned int lines_of(const char *text)
{
	unsigned int n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

START_TEST(each_list_is_tried_and_reported)
{
	const unsigned int before = (unsigned int)vsu_fd_count();
	const char *text;
	int status;

	add("--json");
	add("size=2M");
	add("size=4M,backend=memfd");
	ck_assert_msg(!parse(), "%s", err.msg);
	ck_assert(command.json && !command.help);
	text = run(&status);
	ck_assert_msg(!status, "%s", err.msg);
	ck_assert_uint_eq(lines_of(text), 2);
	ck_assert_ptr_nonnull(strstr(text, "2097152"));
	ck_assert_ptr_nonnull(strstr(text, "4194304"));
	ck_assert_uint_eq((unsigned int)vsu_fd_count(), before);
}
END_TEST

START_TEST(first_list_that_fails_is_named_and_the_last_tried)
{
	const char *text;
	int status;

	add("--json");
	add("size=2M");
	add("size=2M,backend=none");
	add("size=4M");
	ck_assert_int_eq(parse(), 0);
	text = run(&status);
	ck_assert_int_eq(status, VSU_EXIT_DATA);
	ck_assert_msg(!strncmp(err.msg, "memory 2", 8), "%s", err.msg);
	ck_assert_uint_eq(lines_of(text), 1);
	ck_assert_ptr_nonnull(strstr(text, "2097152"));
}
END_TEST

START_TEST(help_needs_no_lists)
{
	add("--help");
	ck_assert_int_eq(parse(), 0);
	ck_assert(command.help && !command.json);
	ck_assert_uint_eq(command.n, 0);
}
END_TEST

START_TEST(nothing_to_try_is_refused)
{
	assert_refused(parse(), -ENOENT,
		       "memory: no properties; example: 'size=1G,backend=memfd'", err);
}
END_TEST

START_TEST(unknown_option_is_refused)
{
	add("--jsno");
	ck_assert_int_eq(parse(), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "--jsno"));
}
END_TEST

START_TEST(number_of_lists_is_limited)
{
	unsigned int i;

	for (i = 0; i < VMM_MEMORY_COMMAND_LISTS; i++)
		add("size=2M");
	ck_assert_int_eq(parse(), 0);
	ck_assert_uint_eq(command.n, VMM_MEMORY_COMMAND_LISTS);
	add("size=2M");
	assert_refused(parse(), -EINVAL, "memory: more than 64 lists of properties", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("memory command");
	TCase *tc = tcase_create("memory command");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, each_list_is_tried_and_reported);
	tcase_add_test(tc, first_list_that_fails_is_named_and_the_last_tried);
	tcase_add_test(tc, help_needs_no_lists);
	tcase_add_test(tc, nothing_to_try_is_refused);
	tcase_add_test(tc, unknown_option_is_refused);
	tcase_add_test(tc, number_of_lists_is_limited);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

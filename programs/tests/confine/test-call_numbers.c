/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the numbers of system calls. */
#include <config.h>

#include <check.h>
#include <sys/syscall.h>

#include "../../../tests/support/suite.h"
#include "confine/call_numbers.h"

/* A list that were not sorted would hide names. */
START_TEST(names_have_the_numbers_of_the_headers)
{
	static const struct {
		const char *name;
		int number;
	} some[] = {
		{ "accept", SYS_accept }, { "brk", SYS_brk }, { "close", SYS_close }, { "dup3", SYS_dup3 },
		{ "exit", SYS_exit }, { "exit_group", SYS_exit_group }, { "fchownat", SYS_fchownat },
		{ "futex", SYS_futex }, { "getpid", SYS_getpid }, { "ioctl", SYS_ioctl },
		{ "kcmp", SYS_kcmp }, { "lseek", SYS_lseek }, { "mmap", SYS_mmap }, { "msync", SYS_msync },
		{ "openat", SYS_openat }, { "prctl", SYS_prctl }, { "read", SYS_read }, { "rseq", SYS_rseq },
		{ "seccomp", SYS_seccomp }, { "tgkill", SYS_tgkill }, { "umask", SYS_umask },
		{ "wait4", SYS_wait4 }, { "write", SYS_write }, { "writev", SYS_writev },
	};
	size_t i;

	for (i = 0; i < sizeof(some) / sizeof(some[0]); i++)
		ck_assert_int_eq(call_number(some[i].name), some[i].number);
}
END_TEST

START_TEST(names_that_this_architecture_lacks_are_absent)
{
#if __SIZEOF_LONG__ == 8 && !defined(__mips__) && !defined(__alpha__)
	ck_assert_int_eq(call_number("clock_gettime64"), CALL_ABSENT);
	ck_assert_int_eq(call_number("_llseek"), CALL_ABSENT);
#endif
	ck_assert_int_ne(call_number("landlock_restrict_self"), CALL_UNKNOWN);
}
END_TEST

START_TEST(other_names_are_unknown)
{
	ck_assert_int_eq(call_number("acept"), CALL_UNKNOWN);
	ck_assert_int_eq(call_number(""), CALL_UNKNOWN);
	ck_assert_int_eq(call_number("zzz"), CALL_UNKNOWN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("call_numbers");
	TCase *tc = tcase_create("call_numbers");

	tcase_add_test(tc, names_have_the_numbers_of_the_headers);
	tcase_add_test(tc, names_that_this_architecture_lacks_are_absent);
	tcase_add_test(tc, other_names_are_unknown);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

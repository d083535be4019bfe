/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about filters of system calls, which a child of the test installs. */
#define _GNU_SOURCE
#include <config.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "oci/filter.h"
#include "util.h"

static struct oci_spec *spec;
static struct oci_filter filter;
static struct vsu_error err;

static void fini(void)
{
	oci_filter_free(&filter);
	oci_spec_free(spec);
	spec = NULL;
}

/* member: of linux.seccomp */
static int compile(const char *member)
{
	char text[4096];

	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},"
		 "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{\"seccomp\":{%s}}}", member);
	ck_assert_msg(!oci_spec_read(text, &spec, &err), "%s", err.msg);
	return oci_seccomp_compile(&spec->seccomp, &filter, &err);
}

/* The errno of getpriority(PRIO_PROCESS, argument) under the filter, or 0. */
static int call_filtered(int argument)
{
	struct sock_fprog program = { .len = (unsigned short)filter.n, .filter = filter.instructions };
	const pid_t pid = fork();
	int status;

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
			_exit(200);
		errno = 0;
		syscall(SYS_getpriority, 0, argument);
		_exit(errno);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 201;
}

START_TEST(configuration_without_a_filter_has_none)
{
	ck_assert_int_eq(compile(""), 0);
	ck_assert_ptr_null(filter.instructions);
	ck_assert_uint_eq(filter.n, 0);
}
END_TEST

START_TEST(filter_of_podman_fits_in_the_kernel)
{
	ck_assert_int_eq(oci_spec_load(DATA_FOLDER "/podman-all.json", oci_spec_read, &spec, &err), 0);
	ck_assert_msg(!oci_seccomp_compile(&spec->seccomp, &filter, &err), "%s", err.msg);
	ck_assert_uint_gt(filter.n, 100);
	ck_assert_uint_le(filter.n, BPF_MAXINSNS);
	ck_assert_int_eq(call_filtered(0), 0);
}
END_TEST

START_TEST(rule_fails_a_call_with_its_number)
{
	ck_assert_int_eq(compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getpriority\",\"no_such_call\"],"
				 "\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":71,\"args\":[{\"index\":1,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]"), 0);
	ck_assert_int_eq(call_filtered(1), 71);
	ck_assert_int_eq(call_filtered(0), 0);
}
END_TEST

START_TEST(conditions_on_one_argument_are_alternatives)
{
	ck_assert_int_eq(compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"getpriority\"],\"action\":\"SCMP_ACT_ERRNO\","
				 "\"args\":[{\"index\":1,\"value\":1,\"op\":\"SCMP_CMP_EQ\"},{\"index\":1,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]}]"), 0);
	ck_assert_int_eq(call_filtered(1), EPERM);
	ck_assert_int_eq(call_filtered(0), EPERM);
}
END_TEST

START_TEST(flags_are_kept)
{
	ck_assert_int_eq(compile("\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_TSYNC\"]"), 0);
	ck_assert_uint_eq(filter.flags, SECCOMP_FILTER_FLAG_LOG);
}
END_TEST

static const struct {
	const char *member, *sentence;
} refusals[] = {
	{ "\"defaultAction\":\"SCMP_ACT_NOTIFY\"", "member 'linux.seccomp.defaultAction': 'SCMP_ACT_NOTIFY' is not supported" },
	{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"SCMP_ARCH_VAX\"]",
	  "member 'linux.seccomp.architectures': 'SCMP_ARCH_VAX' is not supported" },
	{ "\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"SECCOMP_FILTER_FLAG_NEW_LISTENER\"]",
	  "member 'linux.seccomp.flags': 'SECCOMP_FILTER_FLAG_NEW_LISTENER' is not supported" },
};

START_TEST(other_members_are_refused)
{
	assert_refused(compile(refusals[_i].member), -EOPNOTSUPP, refusals[_i].sentence, err);
	ck_assert_ptr_null(filter.instructions);
}
END_TEST

static const char *why_no_filter(void)
{
#ifdef HAVE_LIBSECCOMP
	return NULL;
#else
	return "this build has no libseccomp";
#endif
}

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *t = tcase_create("filter");
	const char *why = why_no_filter();

	tcase_add_checked_fixture(t, NULL, fini);
	tcase_add_test(t, configuration_without_a_filter_has_none);
	tcase_add_test_unless(t, why, filter_of_podman_fits_in_the_kernel);
	tcase_add_test_unless(t, why, rule_fails_a_call_with_its_number);
	tcase_add_test_unless(t, why, conditions_on_one_argument_are_alternatives);
	tcase_add_test_unless(t, why, flags_are_kept);
	tcase_add_loop_test_unless(t, why, other_members_are_refused, 0, COUNT(refusals));
	suite_add_tcase(s, t);
	return run_suite(s);
}

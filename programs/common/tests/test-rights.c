/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the rights that a process gives up when its machine is made. */
#define _GNU_SOURCE
#include <config.h>

#include <pthread.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "common/confinement.h"
#include "parsed.h"
#include "util.h"

#define NO_RIGHTS 99

/* Fails a claim with its line number, which is the exit status. */
#define HOLDS(condition) do { if (!(condition)) return __LINE__ % 90 + 1; } while (0)

static int parse(struct parsed *p, const char *option, const char *more)
{
	const char *words[] = { "builtin:selftest", option, more };

	return parsed_make(p, 3, words, NULL);
}

static struct vmm_confinement confinement;

static int settle_and_run(const char *option, const char *more, int (*fn)(void))
{
	struct parsed o;
	int rc;

	if (parse(&o, option, more) < 0 || vmm_confinement_make(&confinement, o.c, &o.options, false, NULL) < 0 ||
	    vmm_confinement_close(&confinement, o.c, &o.options, NULL) < 0 ||
	    confine_execute(&confinement.plan, CONFINE_SETTLE, NULL) < 0 ||
	    confine_execute(&confinement.plan, CONFINE_SETTLE, NULL) < 0)
		return NO_RIGHTS;
	rc = fn();
	parsed_free(&o);
	return rc;
}

static int settled(const char *option, const char *more, int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(settle_and_run(option, more, fn));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int user_is_nobody(void)
{
	const uid_t nobody = 65534;

	HOLDS(getuid() == nobody && geteuid() == nobody);
	HOLDS(getgid() && getegid());
	HOLDS(setresuid(0, 0, 0) < 0);
	return 0;
}

static const char *no_change_of_user(void)
{
	const struct passwd *user = getpwnam("nobody");

	if (geteuid())
		return "only root changes its user";
	return user && user->pw_uid == 65534 ? NULL : "this host has no user nobody, 65534";
}

START_TEST(user_is_changed_for_good)
{
	ck_assert_int_eq(settled("--user=nobody", "--sandbox=on", user_is_nobody), 0);
	ck_assert_int_eq(settled("--user=nobody", "--sandbox=off", user_is_nobody), 0);
}
END_TEST

START_TEST(user_that_does_not_exist_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct parsed o;

	ck_assert_int_eq(parse(&o, "--user=no-such-user", "--sandbox=on"), 0);
	ck_assert_int_eq(vmm_confinement_make(&confinement, o.c, &o.options, false, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "--user: this host has no user 'no-such-user'"));
	parsed_free(&o);
}
END_TEST

static int refused_without_root(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct parsed o;

	HOLDS(!geteuid() ? !setresuid(65534, 65534, 65534) : true);
	HOLDS(!parse(&o, "--user=root", "--sandbox=off"));
	HOLDS(vmm_confinement_make(&confinement, o.c, &o.options, false, &err) == -EPERM);
	HOLDS(strstr(err.msg, "CAP_SETUID"));
	return 0;
}

START_TEST(only_root_changes_the_user)
{
	ck_assert_int_eq(settled("--sandbox=off", "--cpus=1", refused_without_root), 0);
}
END_TEST

static int limits_are_lowered(void)
{
	struct rlimit limit;

	HOLDS(!getrlimit(RLIMIT_CORE, &limit) && !limit.rlim_max);
	HOLDS(!getrlimit(RLIMIT_NOFILE, &limit));
	HOLDS(limit.rlim_cur == limit.rlim_max);
	HOLDS(limit.rlim_max <= (rlim_t)vsu_fd_count() + 8192);
	HOLDS(limit.rlim_max > 256);
	return 0;
}

static rlim_t most;

static int limit_is_kept(void)
{
	struct rlimit limit;

	HOLDS(!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_max == most);
	return 0;
}

START_TEST(open_files_are_limited_in_a_sandbox)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	most = limit.rlim_max;
	ck_assert_int_eq(settled("--cpus=1", "--sandbox=on", limits_are_lowered), 0);
	ck_assert_int_eq(settled("--cpus=1", "--sandbox=off", limit_is_kept), 0);
	ck_assert_int_eq(settled("--fs=.,tag=x", "--sandbox=on", limit_is_kept), 0);
	ck_assert_int_eq(settled("--device=fs,.,tag=x", "--sandbox=on", limit_is_kept), 0);
}
END_TEST

/* Lowers the hard limit by one. Valgrind refuses that: it keeps descriptors of its own. */
static int lowers_limit(void)
{
	struct rlimit limit;

	HOLDS(!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_max > 1);
	limit.rlim_cur = --limit.rlim_max;
	HOLDS(!setrlimit(RLIMIT_NOFILE, &limit));
	return 0;
}

static const char *no_lower_limit(void)
{
	return settled("--cpus=1", "--sandbox=off", lowers_limit) ?
	       "the limit of open files cannot be lowered, as under valgrind" : NULL;
}

/* Another process has the files of the folder open. */
START_TEST(open_files_are_limited_without_a_folder_of_this_process)
{
	ck_assert_int_eq(settled("--device=rng", "--sandbox=on", limits_are_lowered), 0);
	ck_assert_int_eq(settled("--fs=tag=x,backend=user:s", "--sandbox=on", limits_are_lowered), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("rights");
	Suite *s = suite_create("rights");

	tcase_add_test_unless(tc, no_change_of_user(), user_is_changed_for_good);
	tcase_add_test(tc, user_that_does_not_exist_is_refused);
	tcase_add_test(tc, only_root_changes_the_user);
	tcase_add_test_unless(tc, no_lower_limit(), open_files_are_limited_in_a_sandbox);
	tcase_add_test_unless(tc, no_lower_limit(),
			      open_files_are_limited_without_a_folder_of_this_process);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

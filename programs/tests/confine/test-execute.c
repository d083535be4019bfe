/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the order of a plan's steps, and about hosts that lack or refuse some. The
 * steps themselves are in this program: each notes its name.
 */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../../tests/support/suite.h"
#include "confine/confine.h"
#include "confine/mounts.h"
#include "confine/privileges.h"
#include "confine/root.h"

/* A coverage build has no Landlock, and a sanitizer traces. */
#ifdef UNDER_COVERAGE
#define FILES ""
#else
#define FILES " landlock"
#endif
#ifdef UNDER_SANITIZER
#define TRACING " limit"
#else
#define TRACING " limit untraceable"
#endif

#define RECEIVED "/proc/self/fd/7"	/* closed by the step "descriptors" */

static char done[512];		/* names of the steps, each behind a space */
static const char *failing;	/* the one that fails, or NULL */
static int failure;		/* its errno */
static uid_t user;
static uint64_t capabilities;	/* as dropped last */
static bool all_threads;	/* of the filter */

static int note(const char *name)
{
	strcat(strcat(done, " "), name);
	if (!failing || strcmp(name, failing) != 0)
		return 0;
	errno = failure;
	return -1;
}

/* For steps that return an errno. */
static int note_code(const char *name)
{
	return note(name) < 0 ? -failure : 0;
}

uid_t __wrap_geteuid(void);
uid_t __wrap_geteuid(void)
{
	return user;
}

int __wrap_unshare(int flags);
int __wrap_unshare(int flags)
{
	return note(flags & CLONE_NEWUSER ? "users" : flags & CLONE_NEWPID ? "processes" :
		    flags & CLONE_NEWNS ? "mounts" : "networks");
}

int __wrap_prog_mount_map_ids(uid_t uid, gid_t gid);
int __wrap_prog_mount_map_ids(uid_t uid, gid_t gid)
{
	(void)uid;
	(void)gid;
	return note_code("ids");
}

int __wrap_confine_keeper_fork(const struct confine_keeping *how, int *leash, struct vsu_error *err);
int __wrap_confine_keeper_fork(const struct confine_keeping *how, int *leash, struct vsu_error *err)
{
	(void)how;
	*leash = -1;
	return note("keeper") < 0 ? vsu_error_set(err, -failure, "no keeper") : 0;
}

int __wrap_confine_keeper_tie(int leash, struct vsu_error *err);
int __wrap_confine_keeper_tie(int leash, struct vsu_error *err)
{
	(void)leash;
	return note("tie") < 0 ? vsu_error_set(err, -failure, "no parent") : 0;
}

int __wrap_mount(const char *from, const char *to, const char *type, unsigned long flags, const void *data);
int __wrap_mount(const char *from, const char *to, const char *type, unsigned long flags, const void *data)
{
	(void)from;
	(void)to;
	(void)type;
	(void)data;
	return note(flags & MS_SLAVE ? "private" : "own-files");
}

int __wrap_confine_root_folder(struct confine_plan *p, struct vsu_error *err);
int __wrap_confine_root_folder(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	(void)err;
	return note_code("folder");
}

int __wrap_confine_root_files(struct confine_plan *p, struct vsu_error *err);
int __wrap_confine_root_files(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	return note("files") < 0 ? vsu_error_set(err, -failure, "no files") : 0;
}

int __wrap_prog_mount_become_root(const char *folder);
int __wrap_prog_mount_become_root(const char *folder)
{
	ck_assert_str_eq(folder, CONFINE_STAGED);
	return note_code("root");
}

int __wrap_prog_descriptors_close_folders(void);
int __wrap_prog_descriptors_close_folders(void)
{
	return note_code("descriptors");
}

int __wrap_chdir(const char *path);
int __wrap_chdir(const char *path)
{
	return strcmp(path, RECEIVED) ? 0 : note("enter");
}

int __wrap_chroot(const char *path);
int __wrap_chroot(const char *path)
{
	(void)path;
	return note("chroot");
}

int __wrap_setgroups(size_t n, const gid_t *list);
int __wrap_setgroups(size_t n, const gid_t *list)
{
	(void)list;
	ck_assert_uint_eq(n, 0);
	return note("groups");
}

int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved);
int __wrap_setresgid(gid_t real, gid_t effective, gid_t saved)
{
	ck_assert(real == effective && real == saved);
	return note("group");
}

int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved);
int __wrap_setresuid(uid_t real, uid_t effective, uid_t saved)
{
	ck_assert(real == effective && real == saved);
	return note("user");
}

int __wrap_confine_new_privileges(struct vsu_error *err);
int __wrap_confine_new_privileges(struct vsu_error *err)
{
	return note("no-new") < 0 ? vsu_error_set(err, -failure, "new privileges") : 0;
}

int __wrap_confine_capabilities(uint64_t keep, struct vsu_error *err);
int __wrap_confine_capabilities(uint64_t keep, struct vsu_error *err)
{
	capabilities = keep;
	return note("capabilities") < 0 ? vsu_error_set(err, -failure, "capabilities") : 0;
}

int __wrap_landlock_narrow(const struct landlock_rule *rules, unsigned int n, bool connects);
int __wrap_landlock_narrow(const struct landlock_rule *rules, unsigned int n, bool connects)
{
	(void)rules;
	(void)n;
	(void)connects;
	return note_code("landlock");
}

int __wrap_call_filter_load(enum call_filter_action action, const struct call_table *const *tables,
			    bool threads, struct vsu_error *err);
int __wrap_call_filter_load(enum call_filter_action action, const struct call_table *const *tables,
			    bool threads, struct vsu_error *err)
{
	(void)action;
	(void)tables;
	all_threads = threads;
	return note("filter") < 0 ? vsu_error_set(err, -failure, "no filters") : 0;
}

int __wrap_prctl(int option, ...);
int __wrap_prctl(int option, ...)
{
	ck_assert_int_eq(option, PR_SET_DUMPABLE);
	return note("untraceable");
}

int __wrap_setrlimit(int resource, const struct rlimit *limit);
int __wrap_setrlimit(int resource, const struct rlimit *limit)
{
	(void)resource;
	(void)limit;
	return note("limit");
}

/* ----------------------------------------------------------------------- plans */

static const int none[] = { 0 };
static const struct confine_keeping keeping = { .forwarded = none, .ignored = none };

static struct confine_plan plan;
static struct vsu_error err;

static void setup(void)
{
	plan = (struct confine_plan)CONFINE_PLAN_INIT;
	plan.keeping = &keeping;
	plan.option = "--jail";
	plan.remedy = "leave it out";
	plan.folder = RECEIVED;
	plan.capabilities = 6;
	plan.drops = CONFINE_DROP_RIGHTS;
	plan.action = CALL_FILTER_FAIL;
	plan.complaint = plan.filter_complaint = VSU_LOG_DEBUG;
	vsu_error_clear(&err);
	done[0] = '\0';
	failing = NULL;
	failure = EPERM;
	user = 0;
}

static int execute_all(void)
{
	static const enum confine_phase phases[] = {
		CONFINE_SEPARATE, CONFINE_STAGE, CONFINE_CLOSE, CONFINE_FILTER, CONFINE_SETTLE,
	};
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(phases) / sizeof(*phases); i++)
		rc = confine_execute(&plan, phases[i], &err);
	return rc;
}

/* As the programs make them. */
static const struct {
	enum confine_root root;
	unsigned int drops;
	enum confine_phase user;	/* 0: unchanged */
	uint64_t making;
	uid_t started_by;
	const char *steps;
} rows[] = {
	/* cvmm, with a tap and --user; with --jail; as an unprivileged user */
	{ CONFINE_ROOT_HOST, CONFINE_DROP_TRACING, CONFINE_SETTLE, 1, 0,
	  " capabilities" TRACING FILES " no-new filter groups group user tie no-new capabilities limit" },
	{ CONFINE_ROOT_FILES, CONFINE_DROP_TRACING, CONFINE_SETTLE, 0, 0,
	  " processes keeper mounts private files descriptors root networks capabilities" TRACING FILES " no-new filter groups group user tie no-new limit" },
	{ CONFINE_ROOT_HOST, CONFINE_DROP_TRACING, 0, 0, 1000,
	  " capabilities" TRACING FILES " no-new filter limit" },
	/* the daemon of folders in each sandbox, with --user */
	{ CONFINE_ROOT_FOLDER, CONFINE_DROP_GROUPS | CONFINE_DROP_TRACING, 0, 0, 0,
	  " processes keeper mounts private own-files folder groups descriptors root networks capabilities" TRACING FILES " no-new filter limit" },
	{ CONFINE_ROOT_FOLDER, CONFINE_DROP_GROUPS | CONFINE_DROP_TRACING, 0, 0, 1000,
	  " users ids keeper mounts private own-files folder descriptors root networks capabilities" TRACING FILES " no-new filter limit" },
	{ CONFINE_ROOT_FOLDER, CONFINE_DROP_GROUPS | CONFINE_DROP_TRACING, CONFINE_SEPARATE, 0, 0,
	  " groups group user tie no-new processes keeper mounts private own-files folder groups descriptors root networks capabilities" TRACING FILES " no-new filter limit" },
	{ CONFINE_ROOT_CHROOT, CONFINE_DROP_GROUPS | CONFINE_DROP_TRACING, 0, 0, 0,
	  " keeper groups enter descriptors chroot capabilities" TRACING FILES " no-new filter limit" },
	/* all daemons in the root of the host */
	{ CONFINE_ROOT_HOST, CONFINE_DROP_GROUPS | CONFINE_DROP_TRACING, 0, 0, 0,
	  " groups capabilities" TRACING FILES " no-new filter limit" },
	/* those without a folder, with --user; an unprivileged user's, with --seccomp=off */
	{ CONFINE_ROOT_HOST, CONFINE_DROP_GROUPS | CONFINE_DROP_TRACING, CONFINE_CLOSE, 0, 0,
	  " groups group user tie no-new groups capabilities" TRACING FILES " no-new filter limit" },
	{ CONFINE_ROOT_HOST, CONFINE_DROP_GROUPS, 0, 0, 1000,
	  " capabilities" FILES " no-new filter limit" },
};

static void use_row(int i)
{
	plan.root = rows[i].root;
	plan.drops = CONFINE_DROP_RIGHTS | rows[i].drops;
	plan.user.name = rows[i].user ? "somebody" : NULL;
	plan.user.when = rows[i].user;
	plan.making_capabilities = rows[i].making;
	plan.spare_fds = 1;
	user = rows[i].started_by;
}

START_TEST(steps_are_in_the_safe_order)
{
	use_row(_i);
	ck_assert_int_eq(execute_all(), 0);
	ck_assert_str_eq(done, rows[_i].steps);
	ck_assert(all_threads);
}
END_TEST

/* Whether the phases end with an error, and the failed step is the last one. */
static bool ends_at(const char *step)
{
	const size_t len = strlen(step);
	const int rc = execute_all();

	return rc < 0 && err.msg[0] && strlen(done) > len && !strcmp(done + strlen(done) - len, step);
}

/* Others may be absent on a host: they are logged. */
static bool must_succeed(const char *step)
{
	static const char *const may_fail[] = { "landlock", "filter", "untraceable", "limit" };
	size_t i;

	for (i = 0; i < sizeof(may_fail) / sizeof(*may_fail); i++)
		if (!strcmp(step, may_fail[i]))
			return false;
	return true;
}

START_TEST(nothing_follows_a_step_that_fails)
{
	char steps[512], *step;

	strcpy(steps, rows[_i].steps);
	for (step = strtok(steps, " "); step; step = strtok(NULL, " ")) {
		setup();
		use_row(_i);
		failing = step;
		failure = EINVAL;	/* EPERM of setgroups() is not an error of root in a container */
		if (!strcmp(step, "processes") && plan.root == CONFINE_ROOT_FILES)
			continue;	/* a user namespace is tried */
		ck_assert_msg(ends_at(step) == must_succeed(step), "%s:%s: %s", step, done, err.msg);
	}
}
END_TEST

/* ------------------------------------------------------------- what hosts lack */

START_TEST(root_of_a_container_gets_a_user_namespace_unless_it_serves_all_users)
{
	plan.root = CONFINE_ROOT_FILES;
	failing = "processes";
	ck_assert_int_eq(confine_execute(&plan, CONFINE_SEPARATE, &err), 0);
	ck_assert_str_eq(done, " processes users ids keeper");
	ck_assert(plan.own_users);
	setup();
	plan.root = CONFINE_ROOT_FOLDER;
	failing = "processes";
	ck_assert_int_eq(confine_execute(&plan, CONFINE_SEPARATE, &err), -EPERM);
	ck_assert_str_eq(err.msg, "--jail: this host does not permit user and PID namespaces (Operation not permitted); leave it out");
	ck_assert(!plan.own_users);
}
END_TEST

START_TEST(only_root_changes_its_root)
{
	plan.root = CONFINE_ROOT_CHROOT;
	user = 1000;
	ck_assert_int_eq(confine_execute(&plan, CONFINE_SEPARATE, &err), -EPERM);
	ck_assert_str_eq(done, "");
}
END_TEST

/* The namespace would have one user, and the change would fail when the machine is made. */
START_TEST(root_of_a_container_that_changes_its_user_later_is_refused)
{
	plan.root = CONFINE_ROOT_FILES;
	plan.user.name = "somebody";
	plan.user.when = CONFINE_SETTLE;
	failing = "processes";
	ck_assert_int_eq(confine_execute(&plan, CONFINE_SEPARATE, &err), -EPERM);
	ck_assert_str_eq(done, " processes");
	ck_assert_str_eq(err.msg, "--jail: --user requires CAP_SYS_ADMIN, because a user namespace would have only this user; start the program with it, or as 'somebody' without --user");
	ck_assert(!plan.own_users);
}
END_TEST

START_TEST(own_user_namespace_has_its_own_capabilities)
{
	plan.own_users = _i;
	ck_assert_int_eq(confine_execute(&plan, CONFINE_CLOSE, &err), 0);
	ck_assert_uint_eq(capabilities, _i ? 0 : 6);
}
END_TEST

START_TEST(capabilities_of_the_making_are_dropped_unless_it_is_repeated)
{
	plan.making_capabilities = 1;
	plan.made_again = _i;
	ck_assert_int_eq(execute_all(), 0);
	ck_assert_uint_eq(capabilities, _i ? 7 : 6);
}
END_TEST

#ifndef UNDER_COVERAGE
static const struct {
	int failure;
	enum confine_landlock landlock;
	int rc;
} kernels[] = {
	{ EOPNOTSUPP, CONFINE_LANDLOCK_WANTED, 0 }, { EOPNOTSUPP, CONFINE_LANDLOCK_USED, 0 },
	{ ENOSYS, CONFINE_LANDLOCK_USED, 0 }, { EPERM, CONFINE_LANDLOCK_WANTED, 0 },
	{ EPERM, CONFINE_LANDLOCK_USED, -EPERM }, { E2BIG, CONFINE_LANDLOCK_USED, -E2BIG },
	{ EPERM, CONFINE_LANDLOCK_NEEDED, -EPERM },
	{ EOPNOTSUPP, CONFINE_LANDLOCK_NEEDED, -EOPNOTSUPP },
	{ ENOSYS, CONFINE_LANDLOCK_NEEDED, -ENOSYS },
};

START_TEST(landlock_is_an_error_if_it_is_needed_or_refused)
{
	failing = "landlock";
	failure = kernels[_i].failure;
	plan.landlock = kernels[_i].landlock;
	ck_assert_int_eq(confine_execute(&plan, CONFINE_CLOSE, &err), kernels[_i].rc);
	ck_assert(!plan.closed);
	ck_assert_uint_eq(capabilities, 6);
}
END_TEST
#endif

START_TEST(host_without_filters_is_refused_if_the_user_asked_for_one)
{
	failing = "filter";
	ck_assert_int_eq(confine_execute(&plan, CONFINE_FILTER, &err), 0);
	ck_assert(!plan.filtered);
	plan.filter_option = "--seccomp";
	plan.filter_remedy = "leave it out";
	ck_assert_int_eq(confine_execute(&plan, CONFINE_FILTER, &err), -EOPNOTSUPP);
	ck_assert_str_eq(err.msg, "--seccomp: no filters; leave it out");
	ck_assert_str_eq(done, " no-new filter no-new filter");
}
END_TEST

START_TEST(thread_has_a_filter_only_in_a_filtered_process)
{
	ck_assert_int_eq(confine_thread(&plan, &call_table_serving, &err), 0);
	ck_assert_str_eq(done, "");
	ck_assert_int_eq(confine_execute(&plan, CONFINE_FILTER, &err), 0);
	ck_assert_int_eq(confine_thread(&plan, &call_table_serving, &err), 0);
	ck_assert_str_eq(done, " no-new filter filter");
	ck_assert(!all_threads);
}
END_TEST

START_TEST(plan_without_restrictions_changes_nothing)
{
	plan.drops = 0;
	plan.action = CALL_FILTER_NONE;
	plan.making_capabilities = 1;
	ck_assert_int_eq(execute_all(), 0);
	ck_assert_str_eq(done, "");
}
END_TEST

int main(void)
{
	const int n = sizeof(rows) / sizeof(*rows);
	Suite *s = suite_create("execute");
	TCase *tc = tcase_create("execute");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, steps_are_in_the_safe_order, 0, n);
	tcase_add_loop_test(tc, nothing_follows_a_step_that_fails, 0, n);
	tcase_add_test(tc, root_of_a_container_gets_a_user_namespace_unless_it_serves_all_users);
	tcase_add_test(tc, only_root_changes_its_root);
	tcase_add_test(tc, root_of_a_container_that_changes_its_user_later_is_refused);
	tcase_add_loop_test(tc, own_user_namespace_has_its_own_capabilities, 0, 2);
	tcase_add_loop_test(tc, capabilities_of_the_making_are_dropped_unless_it_is_repeated, 0, 2);
#ifndef UNDER_COVERAGE
	tcase_add_loop_test(tc, landlock_is_an_error_if_it_is_needed_or_refused, 0,
			    (int)(sizeof(kernels) / sizeof(*kernels)));
#endif
	tcase_add_test(tc, host_without_filters_is_refused_if_the_user_asked_for_one);
	tcase_add_test(tc, thread_has_a_filter_only_in_a_filtered_process);
	tcase_add_test(tc, plan_without_restrictions_changes_nothing);
	suite_add_tcase(s, tc);
	return run_suite(s);
}

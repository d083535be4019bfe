/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The steps of a confinement. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/confine.h"
#include "confine/mounts.h"
#include "confine/privileges.h"
#include "confine/root.h"
#include "descriptors.h"
#include "process.h"

/* The process's descriptors, as files. */
#define OWN_FILES "/proc/self/fd"

/* ------------------------------------------------------------------- the root */

/* An own user namespace has only the user of this process, and no other IDs. */
static int users_check(const struct confine_plan *p, struct vsu_error *err)
{
	return p->user.name ?
	       vsu_error_set(err, -EPERM, "%s: --user requires CAP_SYS_ADMIN, because a user namespace would have only this user; start the program with it, or as '%s' without --user",
			     p->option, p->user.name) : 0;
}

/* Root in a container often has no CAP_SYS_ADMIN, but may have a user namespace. */
static int processes_separate(struct confine_plan *p, struct vsu_error *err)
{
	const bool all_users = p->root == CONFINE_ROOT_FOLDER;
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	int rc;

	if (!uid || !all_users) {
		if (!unshare(CLONE_NEWPID))
			return 0;
		if (all_users)
			return -errno;
	}
	rc = users_check(p, err);
	if (rc < 0)
		return rc;
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return -errno;
	p->own_users = true;
	return prog_mount_map_ids(uid, gid);
}

static int chroot_check(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	(void)err;
	return geteuid() ? -EPERM : 0;
}

static int keeper_begin(struct confine_plan *p, struct vsu_error *err)
{
	const int rc = confine_keeper_fork(p->keeping, &p->leash, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "%s", p->option) : 0;
}

static int mounts_hide(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	(void)err;
	return mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ? -errno : 0;
}

/*
 * Mounts OWN_FILES over itself: when its parent mount is detached, no path leads up into
 * /proc.
 */
static int own_files_separate(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	(void)err;
	return mount(OWN_FILES, OWN_FILES, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
}

/* The path may be that of a received folder. */
static int folder_enter(struct confine_plan *p, struct vsu_error *err)
{
	return chdir(p->folder) < 0 ? vsu_error_sys(err, -errno, "%s", p->folder) : 0;
}

/* They are not those of the plan, which this process has opened. */
static int folders_close(struct confine_plan *p, struct vsu_error *err)
{
	const int rc = prog_descriptors_close_folders();

	return rc < 0 ? vsu_error_sys(err, rc, "%s: the folder of descriptors, /proc/self/fd", p->option) : 0;
}

static int root_narrow(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	(void)err;
	return chroot(".") < 0 ? -errno : 0;
}

/* Files were opened by the names of the host; in a root of files the same names are valid. */
static int root_replace(struct confine_plan *p, struct vsu_error *err)
{
	char folder[PATH_MAX] = "/";
	int rc;

	if (p->root == CONFINE_ROOT_FILES && !getcwd(folder, sizeof(folder)))
		return vsu_error_sys(err, -errno, "%s: the working directory", p->option);
	rc = prog_mount_become_root(CONFINE_STAGED);
	if (rc < 0)
		return rc;
	return chdir(folder) < 0 ? vsu_error_sys(err, -errno, "%s: '%s'", p->option, folder) : 0;
}

/* Closes the leash, so that a compromised process cannot make the keeper remove sockets. */
static int leash_close(struct confine_plan *p, struct vsu_error *err)
{
	(void)err;
	if (p->keeping->removes_sockets)
		vsu_fd_close(&p->leash);
	return 0;
}

/* -------------------------------------------------------------------- the user */

/* All threads change; capabilities are lost with root. */
static int user_change(struct confine_plan *p, struct vsu_error *err)
{
	const char *name = p->user.name;
	int rc;

	if (setgroups(0, NULL) < 0 || setresgid(p->user.group, p->user.group, p->user.group) < 0 ||
	    setresuid(p->user.id, p->user.id, p->user.id) < 0)
		return vsu_error_sys(err, -errno, "--user: cannot become '%s'", name);
	p->user.name = NULL;
	rc = confine_keeper_tie(p->leash, err);
	return rc ? rc : confine_new_privileges(err);
}

/*
 * Worker threads that impersonate guest users would inherit the caller's supplementary groups.
 * If root is not permitted to drop them, it is not permitted to change users either.
 */
static int groups_drop(struct confine_plan *p, struct vsu_error *err)
{
	(void)p;
	if (geteuid() != 0 || setgroups(0, NULL) == 0 || errno == EPERM)
		return 0;
	return vsu_error_sys(err, -errno, "cannot drop the supplementary groups of root");
}

/* ---------------------------------------------------------------- capabilities */

static uint64_t of_threads;	/* capabilities, if fewer than this thread's */

static void thread_begin(void *opaque)
{
	(void)opaque;
	(void)!confine_capabilities(of_threads, NULL);
}

static uint64_t capabilities_of(const struct confine_plan *p)
{
	return p->own_users ? p->own_capabilities : p->capabilities;
}

static int capabilities_drop(struct confine_plan *p, struct vsu_error *err)
{
	const int rc = confine_capabilities(capabilities_of(p) | p->making_capabilities, err);

	if (rc < 0 || !p->making_capabilities)
		return rc;
	of_threads = capabilities_of(p);
	prog_thread_set_begin(thread_begin);
	return 0;
}

static int capabilities_settle(struct confine_plan *p, struct vsu_error *err)
{
	p->making_capabilities = 0;
	return confine_capabilities(capabilities_of(p), err);
}

/*
 * The limit does not apply to a program that the kernel pipes core dumps to, but the second call
 * does.
 */
static int tracing_forbid(struct confine_plan *p, struct vsu_error *err)
{
	static const struct rlimit none = { 0, 0 };

	(void)p;
	(void)err;
	setrlimit(RLIMIT_CORE, &none);
	confine_forbid_tracing();
	return 0;
}

/* Lowers the hard limits as well: a process may raise soft limits up to them. */
static int limits_lower(struct confine_plan *p, struct vsu_error *err)
{
	const int used = p->spare_fds ? vsu_fd_count() : -1;
	struct rlimit limit;

	(void)err;
	if (used < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_max > (rlim_t)used + p->spare_fds)
		limit.rlim_max = (rlim_t)used + p->spare_fds;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return 0;
}

/* ------------------------------------------------------------- files and calls */

static int files_narrow(const struct confine_plan *p)
{
	struct landlock_rule rules[CONFINE_FILES];
	unsigned int i;

	for (i = 0; i < p->nfiles; i++)
		rules[i] = p->files[i].rule;
#ifdef UNDER_COVERAGE
	if (p->landlock != CONFINE_LANDLOCK_NEEDED)
		return -EOPNOTSUPP;	/* it writes its counter files at exit */
#endif
	return landlock_narrow(rules, p->nfiles, p->connects);
}

/* Landlock is an additional barrier in a new root, and otherwise the only one. */
static int files_restrict(struct confine_plan *p, struct vsu_error *err)
{
	const int rc = p->any_file ? 0 : files_narrow(p);
	const bool absent = rc == -EOPNOTSUPP || rc == -ENOSYS;

	p->closed |= !rc && !p->any_file;
	if (rc < 0 && p->landlock >= (absent ? CONFINE_LANDLOCK_NEEDED : CONFINE_LANDLOCK_USED))
		return vsu_error_sys(err, rc, "%sLandlock", p->complaint_prefix);
	if (rc < 0 && !absent)
		prog_log(p->complaint, "landlock", "%sfiles are not restricted: this host refuses Landlock (%s)",
			 p->complaint_prefix, strerror(-rc));
	else if (rc < 0 || p->any_file)
		prog_log(p->complaint, "landlock", "%sfiles are not restricted: %s", p->complaint_prefix,
			 p->any_file ? p->any_file : "this kernel or build has no Landlock");
	return 0;
}

bool confine_has_closed(const struct confine_plan *plan)
{
	return plan->closed;
}

/* Without memory the thread fails, which makes the filter itself. */
static void thread_filters_make(struct confine_plan *p)
{
	unsigned int i;

	for (i = 0; i < CONFINE_THREADS; i++) {
		const struct call_table *const tables[] = { p->thread_calls[i], NULL };

		if (tables[0] && !p->thread_filters[i])
			(void)!call_filter_make(p->action, tables, &p->thread_filters[i], NULL);
	}
}

static int calls_filter(struct confine_plan *p, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = confine_new_privileges(err);

	if (rc < 0)
		return rc;
	p->filtered = !call_filter_load(p->action, p->calls, true, &why);
	if (p->filtered) {
		thread_filters_make(p);
		return 0;
	}
	if (p->filter_option)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: %s; %s", p->filter_option, why.msg, p->filter_remedy);
	prog_log(p->filter_complaint, "filter", "%ssystem calls are not filtered: %s",
		 p->complaint_prefix, why.msg);
	return 0;
}

int confine_thread(const struct confine_plan *plan, const struct call_table *calls,
		   struct vsu_error *err)
{
	const struct call_table *const tables[] = { calls, NULL };
	unsigned int i;

	for (i = 0; i < CONFINE_THREADS; i++)
		if (plan->thread_filters[i] && plan->thread_calls[i] == calls)
			return call_filter_install(plan->thread_filters[i], false, err);
	return plan->filtered ? call_filter_load(plan->action, tables, false, err) : 0;
}

/* ------------------------------------------------------------------- the table */

enum condition {
	IF_GROUPS = CONFINE_DROP_GROUPS,
	IF_RIGHTS = CONFINE_DROP_RIGHTS,
	IF_TRACING = CONFINE_DROP_TRACING,
	IF_USER = 1 << 3,	/* the user changes in this phase */
	IF_NAMESPACES = 1 << 4,
	IF_CHROOT = 1 << 5,
	IF_FOLDER = 1 << 6,	/* implies IF_NAMESPACES */
	IF_FILES = 1 << 7,	/* implies IF_NAMESPACES */
	IF_MADE = 1 << 8,	/* making_capabilities remain until CONFINE_SETTLE */
	IF_FILTERS = 1 << 9,
};

static unsigned int conditions_of(const struct confine_plan *p, enum confine_phase phase)
{
	const bool chroots = p->root == CONFINE_ROOT_CHROOT, same = p->root == CONFINE_ROOT_HOST;

	return p->drops | (p->user.name && p->user.when == phase ? IF_USER : 0) |
	       (!same && !chroots ? IF_NAMESPACES : 0) | (chroots ? IF_CHROOT : 0) |
	       (p->root == CONFINE_ROOT_FOLDER ? IF_FOLDER : 0) |
	       (p->root == CONFINE_ROOT_FILES ? IF_FILES : 0) |
	       (p->drops & IF_RIGHTS && p->making_capabilities && !p->made_again ? IF_MADE : 0) |
	       (p->action != CALL_FILTER_NONE ? IF_FILTERS : 0);
}

/*
 * The order of the steps. Namespaces require capabilities, so these are dropped later.
 * Landlock and the filter require no_new_privs, which the drop of capabilities sets.
 * Landlock forbids mounts, and the filter forbids Landlock.
 */
static const struct step {
	unsigned int phases;
	unsigned int conditions;	/* the step is executed if one of these is set */
	int (*fn)(struct confine_plan *p, struct vsu_error *err);
	const char *refusal;	/* message of a failure, if fn provides none */
	int unshared;		/* CLONE_... for a step without fn */
} steps[] = {
	{ CONFINE_SEPARATE | CONFINE_CLOSE | CONFINE_SETTLE, IF_USER, user_change, NULL, 0 },

	{ CONFINE_SEPARATE, IF_CHROOT, chroot_check, "only root changes its root", 0 },
	{ CONFINE_SEPARATE, IF_NAMESPACES, processes_separate, "this host does not permit user and PID namespaces", 0 },
	{ CONFINE_SEPARATE, IF_NAMESPACES | IF_CHROOT, keeper_begin, NULL, 0 },

	{ CONFINE_STAGE, IF_NAMESPACES, NULL, "this host does not permit mount namespaces", CLONE_NEWNS },
	{ CONFINE_STAGE, IF_NAMESPACES, mounts_hide, "this host does not permit mounts", 0 },
	{ CONFINE_STAGE, IF_FOLDER, own_files_separate, "this host does not permit mounts", 0 },
	{ CONFINE_STAGE, IF_FOLDER, confine_root_folder, "the folder cannot be mounted", 0 },

	{ CONFINE_CLOSE, IF_FILES, confine_root_files, NULL, 0 },
	{ CONFINE_CLOSE, IF_GROUPS, groups_drop, NULL, 0 },
	{ CONFINE_CLOSE, IF_CHROOT, folder_enter, NULL, 0 },
	{ CONFINE_CLOSE, IF_NAMESPACES | IF_CHROOT, folders_close, NULL, 0 },
	{ CONFINE_CLOSE, IF_CHROOT, root_narrow, "the root cannot be changed", 0 },
	{ CONFINE_CLOSE, IF_NAMESPACES, root_replace, "the root cannot be changed", 0 },
	{ CONFINE_CLOSE, IF_NAMESPACES, NULL, "this host does not permit network namespaces", CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS },
	{ CONFINE_CLOSE, IF_NAMESPACES | IF_CHROOT, leash_close, NULL, 0 },
	{ CONFINE_CLOSE, IF_RIGHTS, capabilities_drop, NULL, 0 },
	{ CONFINE_CLOSE, IF_TRACING, tracing_forbid, NULL, 0 },
	{ CONFINE_CLOSE, IF_RIGHTS, files_restrict, NULL, 0 },

	{ CONFINE_FILTER, IF_FILTERS, calls_filter, NULL, 0 },

	{ CONFINE_SETTLE, IF_MADE, capabilities_settle, NULL, 0 },
	{ CONFINE_SETTLE, IF_RIGHTS, limits_lower, NULL, 0 },
};

static int step_execute(const struct step *s, struct confine_plan *p, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	const int rc = s->fn ? s->fn(p, &why) : unshare(s->unshared) < 0 ? -errno : 0;

	if (rc >= 0)
		return 0;
	if (why.msg[0])
		return vsu_error_set(err, rc, "%s", why.msg);
	return vsu_error_set(err, -EPERM, "%s: %s (%s); %s", p->option, s->refusal, strerror(-rc), p->remedy);
}

int confine_execute(struct confine_plan *plan, enum confine_phase phase, struct vsu_error *err)
{
	const unsigned int conditions = conditions_of(plan, phase);
	size_t i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < sizeof(steps) / sizeof(*steps); i++)
		if (steps[i].phases & phase && steps[i].conditions & conditions)
			rc = step_execute(&steps[i], plan, err);
	if (phase != CONFINE_CLOSE)
		return rc;
	confine_files_close(plan);
	plan->closed |= rc >= 0 && plan->root != CONFINE_ROOT_HOST;
	return rc;
}

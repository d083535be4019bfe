/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The plan of a daemon's confinement, from its options. */
#define _GNU_SOURCE
#include <config.h>

#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan.h"

const char *const daemon_sandbox_names[] = { "namespace", "chroot", "none", NULL };
const char *const daemon_filter_names[] = { "on", "kill", "off", NULL };

#define BIT(capability) (UINT64_C(1) << (capability))

/* Capabilities of a file server for several users. */
#define FILE_CAPABILITIES							\
	(BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |	\
	 BIT(CAP_SETGID) | BIT(CAP_SETUID))

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, 0 };
static const int ignored[] = { SIGPIPE, SIGUSR1, SIGUSR2, 0 };

static const struct confine_keeping keeping = {
	.forwarded = forwarded, .ignored = ignored, .held = true,
	.removes_sockets = true, .keeps_files = true, .patience_s = 15,
};

/* -------------------------------------------------------------------- the root */

/* Root in a container usually has CAP_SYS_CHROOT, but none of the others. */
static void plan_root(struct confine_plan *plan, const struct daemon_rights *r)
{
	static const enum confine_root roots[] = {
		[DAEMON_SANDBOX_NAMESPACE] = CONFINE_ROOT_FOLDER,
		[DAEMON_SANDBOX_CHROOT] = CONFINE_ROOT_CHROOT,
		[DAEMON_SANDBOX_NONE] = CONFINE_ROOT_HOST,
	};
	const bool chroots = r->sandbox == DAEMON_SANDBOX_CHROOT, root = !geteuid();

	plan->root = roots[r->sandbox];
	plan->folder = r->folder;
	plan->read_only = !r->facts.writes;
	plan->keeping = &keeping;
	plan->option = chroots ? "--sandbox=chroot" : "--sandbox=namespace";
	plan->remedy = chroots && root ? "grant CAP_SYS_CHROOT, or use --sandbox=none" :
		       chroots ? "become root, or use --sandbox=namespace" :
		       root ? "in a container use --sandbox=chroot or --sandbox=none, or grant it CAP_SYS_ADMIN and mounts" :
			      "become root, or use --sandbox=none";
}

/*
 * The device is open, and threads inherit what remains. Only root's userfaultfd needs a
 * capability, where it is a system call and not a device.
 */
static uint64_t capabilities_of(const struct daemon_rights *r)
{
	if (!r->folder)
		return r->postcopy && access("/dev/userfaultfd", F_OK) < 0 ? BIT(CAP_SYS_PTRACE) : 0;
	return FILE_CAPABILITIES | (r->facts.finds_files ? BIT(CAP_DAC_READ_SEARCH) : 0) |
	       (r->facts.makes & DEVKIND_MAKES_NODES ? BIT(CAP_MKNOD) : 0) |
	       (r->facts.makes & DEVKIND_MAKES_CAPABILITIES ? BIT(CAP_SETFCAP) : 0) |
	       (r->facts.sets_labels ? BIT(CAP_SYS_ADMIN) : 0);
}

/* -------------------------------------------------------------------- the calls */

/*
 * Rings of io_uring must exist before the filter: no daemon creates or changes one afterwards,
 * because the filter does not see their operations.
 */
static void plan_calls(struct confine_plan *plan, const struct daemon_rights *r)
{
	static const enum call_filter_action actions[] = {
		[DAEMON_FILTER_ON] = CALL_FILTER_FAIL,
		[DAEMON_FILTER_KILL] = CALL_FILTER_KILL,
		[DAEMON_FILTER_OFF] = CALL_FILTER_NONE,
		[DAEMON_FILTER_PRESET] = CALL_FILTER_FAIL,
	};
	unsigned int n = 0;

	plan->action = actions[r->filter];
	plan->filter_option = r->filter == DAEMON_FILTER_PRESET ? NULL : "--seccomp";
	plan->filter_remedy = "leave it out, or use --seccomp=off";
	plan->filter_complaint = VSU_LOG_INFO;
	plan->calls[n++] = &call_table_serving;
	if (r->calls)
		plan->calls[n++] = r->calls;
	if (r->postcopy)
		plan->calls[n++] = &call_table_faults;
	plan->calls[n] = NULL;
}

int daemon_plan_make(struct confine_plan *plan, const struct daemon_rights *r,
		     struct vsu_error *err)
{
	*plan = (struct confine_plan)CONFINE_PLAN_INIT;
	if (r->folder)
		plan_root(plan, r);
	plan->drops = CONFINE_DROP_GROUPS | CONFINE_DROP_RIGHTS |
		      (r->filter != DAEMON_FILTER_OFF ? CONFINE_DROP_TRACING : 0);
	plan->capabilities = capabilities_of(r);
	plan->connects = r->facts.connects;
	plan->any_file = r->facts.finds_files ? "they are opened by handles" : NULL;
	plan->complaint = VSU_LOG_DEBUG;
	plan_calls(plan, r);
	return confine_user_find(plan, r->user, r->folder ? CONFINE_SEPARATE : CONFINE_CLOSE, err);
}

/* -------------------------------------------------------------------- the files */

/*
 * The size of a DAX memory device is a file in the device's own folder, whose path varies.
 */
static int sizes_add(struct confine_plan *plan, struct vsu_error *err)
{
	return access("/sys/bus/dax", F_OK) < 0 ? 0 :
	       confine_add_path(plan, "/sys/devices", LANDLOCK_READ, err);
}

/* Permits only the removal of names: other sockets may be in these folders. */
static int sockets_add(struct confine_plan *plan, const struct devkind_facts *facts,
		       struct vsu_error *err)
{
	int i, rc = 0;

	for (i = 0; !rc && i < DEVKIND_MAX_SOCKETS; i++)
		if (facts->sockets[i])
			rc = confine_add_parent(plan, facts->sockets[i], LANDLOCK_REMOVE, err);
	return rc;
}

int daemon_plan_files(struct confine_plan *plan, const struct daemon_rights *r,
		      struct vsu_error *err)
{
	int rc = r->postcopy ? confine_add_path(plan, "/dev/userfaultfd", LANDLOCK_DEVICE, err) : 0;

	if (!rc && r->folder)
		return confine_add_path(plan, plan->folder, plan->read_only ? LANDLOCK_READ : LANDLOCK_FULL, err);
	rc = rc ? rc : confine_add_own(plan, err);
	rc = rc ? rc : sizes_add(plan, err);
	return rc ? rc : sockets_add(plan, &r->facts, err);
}

static bool is_below(const char *path, const char *folder)
{
	const size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	return !strncmp(path, folder, len) && (path[len] == '/' || !path[len]);
}

bool daemon_folder_has(const char *folder, const char *file)
{
	char path[PATH_MAX], dir[PATH_MAX], top[PATH_MAX];

	return snprintf(path, sizeof(path), "%s", file) < PATH_MAX &&
	       realpath(dirname(path), dir) && realpath(folder, top) &&
	       is_below(dir, top);
}

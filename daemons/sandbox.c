/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A folder as the root of a process, by namespaces or chroot(). */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine.h"
#include "confine/keeper.h"
#include "confine/landlock.h"
#include "log.h"
#include "confine/mounts.h"
#include "outside.h"
#include "sandbox.h"

const char *const sandbox_names[] = { "namespace", "chroot", "none", NULL };

/*
 * A folder that exists on every host and is unused between the steps: the
 * shared folder is mounted over it. Not the sockets' folder, /proc or /dev.
 */
#define STAGE "/sys"
/* The process's descriptors, as files. */
#define OWN_FILES "/proc/self/fd"

/* Capabilities of a file server for several users. */
#define FILE_CAPABILITIES						\
	(UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE |	\
	 UINT64_C(1) << CAP_FOWNER | UINT64_C(1) << CAP_FSETID |	\
	 UINT64_C(1) << CAP_SETGID | UINT64_C(1) << CAP_SETUID |	\
	 UINT64_C(1) << CAP_MKNOD | UINT64_C(1) << CAP_SETFCAP)

/* Root in a container usually has CAP_SYS_CHROOT, but none of the others. */
static int not_possible(struct vsu_error *err, int cause, const char *what)
{
	const char *remedy = geteuid() ?
		"become root, or use --sandbox=none" :
		"in a container use --sandbox=chroot or --sandbox=none, or grant it CAP_SYS_ADMIN and mounts";

	return vsu_error_set(err, -EPERM, "--sandbox=namespace: %s (%s); %s",
			     what, strerror(-cause), remedy);
}

static int no_namespace(struct vsu_error *err, const char *what)
{
	return not_possible(err, -errno, what);
}

static int namespaces_first(struct sandbox *s, struct vsu_error *err)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int rc;

	s->own_users = uid != 0;
	if (unshare(CLONE_NEWPID | (s->own_users ? CLONE_NEWUSER : 0)) < 0)
		return no_namespace(err, s->own_users ? "no user namespace" :
						  "no PID namespace");
	rc = s->own_users ? prog_mount_map_ids(uid, gid) : 0;
	return rc < 0 ? not_possible(err, rc, "the user cannot be mapped") : 0;
}

/*
 * Device files in the folder belong to the guest and cannot be opened on the
 * host. Linux before 5.12 has no call for it; the device itself enforces read_only.
 */
static int restrict_mounts(int tree, bool read_only, struct vsu_error *err)
{
	int rc = prog_mount_restrict(tree, PROG_MOUNT_NO_SUID | PROG_MOUNT_NO_DEVICES |
				     (read_only ? PROG_MOUNT_READ_ONLY : 0));

	return rc < 0 && rc != -ENOSYS ? not_possible(err, rc, "mounts that cannot be restricted") : 0;
}

/*
 * A copy of the folder's mount, including mounts inside; or a negative errno.
 */
static int tree_open(const char *folder, struct vsu_error *err)
{
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), tree;

	if (dir < 0)
		return vsu_error_sys(err, -errno, "%s", folder);
	tree = prog_mount_copy(dir);
	if (tree < 0)
		tree = not_possible(err, tree, "the folder's mount cannot be copied");
	vsu_fd_close(&dir);
	return tree;
}

/*
 * Mounts OWN_FILES over itself: when its parent mount is detached, no path
 * leads up into /proc.
 */
static int mounts_separate(struct vsu_error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return no_namespace(err, "no mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0 ||
	    mount(OWN_FILES, OWN_FILES, NULL, MS_BIND, NULL) < 0)
		return no_namespace(err, "no mounts");
	return 0;
}

static int stage_attach(int tree, struct vsu_error *err)
{
	int stage = open(STAGE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = stage < 0 ? -errno : prog_mount_attach(tree, stage);

	vsu_fd_close(&stage);
	return rc < 0 ? not_possible(err, rc, "the folder cannot be mounted at " STAGE) : 0;
}

static int stage_folder(const char *folder, bool read_only,
			struct vsu_error *err)
{
	int rc = mounts_separate(err), tree;

	if (rc < 0)
		return rc;
	tree = rc = tree_open(folder, err);
	if (rc < 0)
		return rc;
	rc = restrict_mounts(tree, read_only, err);
	rc = rc < 0 ? rc : stage_attach(tree, err);
	vsu_fd_close(&tree);
	return rc;
}

static int no_chroot(struct vsu_error *err)
{
	return vsu_error_set(err, -EPERM,
			     geteuid() ? "--sandbox=chroot: only root can; become root, or use --sandbox=namespace" :
			     "--sandbox=chroot: root lacks CAP_SYS_CHROOT here; grant it, or use --sandbox=none");
}

static bool is_below(const char *path, const char *folder)
{
	const size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	return !strncmp(path, folder, len) && (path[len] == '/' || !path[len]);
}

bool sandbox_has(const char *folder, const char *file)
{
	char path[PATH_MAX], dir[PATH_MAX], top[PATH_MAX];

	return snprintf(path, sizeof(path), "%s", file) < PATH_MAX &&
	       realpath(dirname(path), dir) && realpath(folder, top) &&
	       is_below(dir, top);
}

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, 0 };
static const int ignored[] = { SIGPIPE, SIGUSR1, SIGUSR2, 0 };

static const struct confine_keeping keeping = {
	.forwarded = forwarded, .ignored = ignored, .held = true,
	.removes_sockets = true, .patience_s = 15,
};

int sandbox_enter(struct sandbox *s, const char **folder, bool read_only,
		  struct vsu_error *err)
{
	int rc;

	s->folder = *folder;
	s->read_only = read_only;
	if (s->kind == SANDBOX_NONE)
		return 0;
	if (s->kind == SANDBOX_CHROOT && geteuid())
		return no_chroot(err);
	rc = s->kind == SANDBOX_NAMESPACE ? namespaces_first(s, err) : 0;
	rc = rc < 0 ? rc : confine_keeper_fork(&keeping, &s->leash, err);
	if (rc < 0 || s->kind == SANDBOX_CHROOT)
		return rc;
	rc = stage_folder(*folder, read_only, err);
	if (rc >= 0)
		*folder = s->folder = STAGE;
	return rc;
}

bool sandbox_leave_socket(struct sandbox *s,
			  const struct vsu_sock_path *where)
{
	int *dir = s->socket_dirs;

	if (s->leash >= 0 && confine_keeper_leave_socket(s->leash, where) >= 0)
		return true;
	while (dir < s->socket_dirs + SANDBOX_SOCKETS && *dir >= 0)
		dir++;
	if (dir < s->socket_dirs + SANDBOX_SOCKETS)
		*dir = outside_parent(where->path);
	return false;
}

static int root_change(const char *folder, struct vsu_error *err)
{
	int rc = prog_mount_become_root(folder);

	if (rc < 0)
		return not_possible(err, rc, "the root cannot be changed");
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return no_namespace(err, "no network namespace");
	return 0;
}

static int root_narrow(const char *folder, struct vsu_error *err)
{
	if (chdir(folder) < 0)
		return vsu_error_sys(err, -errno, "%s", folder);
	return chroot(".") < 0 ? no_chroot(err) : 0;
}

/*
 * Drops the caller's supplementary groups; worker threads that impersonate
 * guest users would inherit them. If root is not permitted to drop them, it is
 * not permitted to change users either.
 */
static int groups_drop(struct vsu_error *err)
{
	if (geteuid() == 0 && setgroups(0, NULL) < 0 && errno != EPERM)
		return vsu_error_sys(err, -errno, "cannot drop the groups of root");
	return 0;
}

static uint64_t file_capabilities(const struct sandbox *s)
{
	if (s->own_users)
		return 0;
	return FILE_CAPABILITIES |
	       (s->finds_files ? UINT64_C(1) << CAP_DAC_READ_SEARCH : 0) |
	       (s->sets_labels ? UINT64_C(1) << CAP_SYS_ADMIN : 0);
}

/*
 * An additional barrier, if the host supports it. A file that was opened by its
 * handle may have no known path and would be refused.
 */
static void narrow_files(struct sandbox *s, int folder)
{
	struct landlock_rule rules[] = {
		{ folder, s->read_only ? LANDLOCK_READ : LANDLOCK_FULL },
		{ s->socket_dirs[0], LANDLOCK_REMOVE },
		{ s->socket_dirs[1], LANDLOCK_REMOVE },
		{ s->device ? open(s->device, O_PATH | O_CLOEXEC) : -1,
		  LANDLOCK_DEVICE },
	};
	const int rc = s->finds_files || folder < 0 ? -EOPNOTSUPP :
		       landlock_narrow(rules, 4, false);

	vsu_fd_close(&rules[3].place);
	s->is_closed |= rc == 0;
	if (rc < 0)
		prog_log(PROG_LOG_DEBUG, "landlock",
			 "files are not restricted by Landlock: %s",
			 s->finds_files ? "they are opened by handles" :
			 strerror(-rc));
}

static int privileges_close(struct sandbox *s, int folder, struct vsu_error *err)
{
	int rc = confine_capabilities(file_capabilities(s), err);

	if (rc == 0)
		narrow_files(s, folder);
	return rc;
}

int sandbox_close(struct sandbox *s, struct vsu_error *err)
{
	int folder = open(s->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = groups_drop(err);

	if (rc == 0 && s->kind == SANDBOX_NAMESPACE)
		rc = root_change(s->folder, err);
	else if (rc == 0 && s->kind == SANDBOX_CHROOT)
		rc = root_narrow(s->folder, err);
	vsu_fd_close(&s->leash);
	s->is_closed = rc == 0 && s->kind != SANDBOX_NONE;
	if (rc == 0) {
		umask(0);
		rc = privileges_close(s, folder, err);
	}
	vsu_fd_close(&folder);
	vsu_fd_close(&s->socket_dirs[0]);
	vsu_fd_close(&s->socket_dirs[1]);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Namespaces, and a root that is made of the files of the options. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cli/jail.h"
#include "cli/jail_root.h"
#include "cli/sandbox.h"
#include "migration/stream.h"
#include "confine/keeper.h"
#include "confine/mounts.h"

/* ------------------------------------------------------------------ first step */

static int refuse_host(struct vsu_error *err, int cause, const char *what)
{
	return vsu_error_set(err, -EPERM, "--jail: %s (%s); run cvmm as root with CAP_SYS_ADMIN, permit user namespaces (sysctl user.max_user_namespaces, seccomp and AppArmor of a container), or leave --jail out",
			     what, strerror(-cause));
}

/* Root in a container often has no CAP_SYS_ADMIN, but may have a user namespace. */
static int users_separate(struct vsu_error *err)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();
	int rc;

	if (!unshare(CLONE_NEWPID))
		return 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0)
		return refuse_host(err, -errno, "this host does not permit user and PID namespaces");
	rc = prog_mount_map_ids(uid, gid);
	return rc < 0 ? refuse_host(err, rc, "the user cannot be mapped") : 0;
}

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0 };
static const int ignored[] = { 0 };

static int leash = -1;

int vmm_jail_tie(struct vsu_error *err)
{
	const int rc = confine_keeper_tie(leash, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "--jail") : 0;
}

static int keeper_begin(struct vsu_error *err)
{
	static const struct confine_keeping keeping = { .forwarded = forwarded, .ignored = ignored };
	const int rc = confine_keeper_fork(&keeping, &leash, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "--jail") : 0;
}

int vmm_jail_enter(const struct vmm_options *options, struct vsu_error *err)
{
	int rc;

	if (!options->process.jail)
		return 0;
	if (options->start.stream && options->start.stream->child)
		return vsu_error_set(err, -EOPNOTSUPP, "--jail: --incoming exec: would run its command outside the jail; use unix:, tcp: or fd:");
	rc = users_separate(err);
	return rc < 0 ? rc : keeper_begin(err);
}

/* ----------------------------------------------------------------- second step */

static int mounts_separate(struct vsu_error *err)
{
	if (unshare(CLONE_NEWNS) < 0)
		return refuse_host(err, -errno, "this host does not permit mount namespaces");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return refuse_host(err, -errno, "this host does not permit mounts");
	return 0;
}

static int networks_separate(struct vsu_error *err)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0)
		return refuse_host(err, -errno, "this host does not permit network namespaces");
	return 0;
}

/* The files are opened by the names of the host, and later by the same ones in the jail. */
static int root_replace(const struct vmm_options *options, struct vsu_error *err)
{
	struct vmm_sandbox_rules rules = { .jail = true };
	char folder[PATH_MAX];
	int rc;

	if (!getcwd(folder, sizeof(folder)))
		return vsu_error_sys(err, -errno, "--jail: the working directory");
	rc = vmm_sandbox_files(options, &rules, err);
	if (!rc)
		rc = vmm_jail_root_fill(&rules, folder, err);
	vmm_sandbox_rules_close(&rules);
	if (rc < 0)
		return rc;
	rc = prog_mount_become_root(VMM_JAIL_STAGE);
	if (rc < 0)
		return refuse_host(err, rc, "the root cannot be changed");
	return chdir(folder) < 0 ? vsu_error_sys(err, -errno, "--jail: '%s'", folder) : 0;
}

int vmm_jail_close(const struct vmm_options *options, struct vsu_error *err)
{
	int rc;

	if (!options->process.jail)
		return 0;
	rc = mounts_separate(err);
	rc = rc < 0 ? rc : root_replace(options, err);
	return rc < 0 ? rc : networks_separate(err);
}

const char *vmm_jail_without_network(const struct vmm_options *options)
{
	return options->process.jail ? "this machine is in a jail without a network (--jail); use 'cvmm ctl SOCKET migrate exec:COMMAND', which starts the command outside, or unix: or fd:" : NULL;
}

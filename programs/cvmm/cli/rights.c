/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Change of user, and limits of resources. */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cli/jail.h"
#include "cli/rights.h"
#include "cli/sandbox.h"
#include "config/device.h"
#include "confine/privileges.h"

/*
 * Room for 32 devices that are added later: a back-end with 64 queues needs 200, its
 * memory and session a few more.
 */
#define MORE_FDS 8192u

static struct {
	uid_t user;
	gid_t group;
	bool changed;
} target;

static bool may_change_user(void)
{
	const uint32_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[2];

	/* other users would keep their capabilities after the change */
	return !geteuid() && !syscall(SYS_capget, &header, sets) &&
	       (sets[0].effective & needed) == needed;
}

int vmm_rights_prepare(const struct vmm_options *options, struct vsu_error *err)
{
	const struct passwd *user;

	if (!options->process.user)
		return 0;
	errno = 0;
	user = getpwnam(options->process.user);
	if (!user)
		return vsu_error_set(err, -ENOENT, "--user: this host has no user '%s'",
				     options->process.user);
	if (!may_change_user())
		return vsu_error_set(err, -EPERM, "--user: cannot become '%s' without root's CAP_SETUID and CAP_SETGID; start cvmm as that user",
				     options->process.user);
	target.user = user->pw_uid;
	target.group = user->pw_gid;
	return 0;
}

/* All threads change; capabilities are lost with root. */
static int change_user(const char *name, struct vsu_error *err)
{
	int rc;

	if (setgroups(0, NULL) < 0 || setresgid(target.group, target.group, target.group) < 0 ||
	    setresuid(target.user, target.user, target.user) < 0)
		return vsu_error_sys(err, -errno, "--user: cannot become '%s'", name);
	target.changed = true;
	rc = vmm_jail_tie(err);
	return rc ? rc : confine_new_privileges(err);
}

/* A folder that is shared needs a descriptor for each inode that the guest has looked up. */
static bool has_folder(const struct vmm_options *o)
{
	unsigned int i;

	for (i = 0; i < o->machine.ndevices; i++)
		if (vmm_device_shares_folder(&o->machine.specs[i]))
			return true;
	return false;
}

/* The hard limit too: a process may raise the other one. Limits never grow. */
static void limit_fds(void)
{
	const int used = vsu_fd_count();
	struct rlimit limit;

	if (used < 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max > (rlim_t)used + MORE_FDS)
		limit.rlim_max = (rlim_t)used + MORE_FDS;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int vmm_rights_settle(const struct vmm_options *options, struct vsu_error *err)
{
	static const struct rlimit none = { 0, 0 };
	int rc = vmm_sandbox_settle(options, err);

	if (rc < 0)
		return rc;
	if (vmm_sandbox_is_locked()) {
		setrlimit(RLIMIT_CORE, &none);
		if (!has_folder(options))
			limit_fds();
	}
	return options->process.user && !target.changed ? change_user(options->process.user, err) : 0;
}

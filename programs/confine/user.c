/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The user of a plan. */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/account.h>

#include "confine/confine.h"

/* A user other than root would keep its capabilities after the change. */
static bool may_change_user(void)
{
	const uint32_t needed = 1u << CAP_SETUID | 1u << CAP_SETGID;
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[2];

	return !geteuid() && !syscall(SYS_capget, &header, sets) &&
	       (sets[0].effective & needed) == needed;
}

int confine_user_find(struct confine_plan *plan, const char *name, enum confine_phase when,
		      struct vsu_error *err)
{
	const struct passwd *user;

	if (!name)
		return 0;
	errno = 0;
	user = getpwnam(name);
	if (!user && vsu_account_lookup_failed(errno))
		return vsu_error_sys(err, -errno, "--user: cannot look up the user '%s'", name);
	if (!user)
		return vsu_error_set(err, -ENOENT, "--user: this host has no user '%s'", name);
	if (!may_change_user())
		return vsu_error_set(err, -EPERM, "--user: cannot become '%s' without root's CAP_SETUID and CAP_SETGID; start the program as that user",
				     name);
	plan->user.name = name;
	plan->user.id = user->pw_uid;
	plan->user.group = user->pw_gid;
	plan->user.when = when;
	return 0;
}

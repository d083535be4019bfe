/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* no_new_privs, capabilities and users. */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/account.h>

#include "confine/confine.h"
#include "confine/privileges.h"

void confine_forbid_tracing(void)
{
#ifndef UNDER_SANITIZER
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

void confine_permit_tracing(void)
{
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

int confine_new_privileges(struct vsu_error *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ?
	       vsu_error_sys(err, -errno, "cannot set no_new_privs") : 0;
}

/* Calls for bits that are no capability of this kernel fail, which has no effect. */
static void narrow_bounds(uint64_t keep)
{
	unsigned long bit;

	for (bit = 0; bit < 64; bit++)
		if (!(keep >> bit & 1))
			prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
}

int confine_capabilities(uint64_t keep, struct vsu_error *err)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct had[2], sets[2];
	int i;

	if (syscall(SYS_capget, &header, had) < 0)
		return vsu_error_sys(err, -errno, "cannot read the capabilities");
	narrow_bounds(keep);
	for (i = 0; i < 2; i++) {
		sets[i].permitted = had[i].permitted & (uint32_t)(keep >> 32 * i);
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	/* If nothing changes, omit the call: a service manager may have forbidden it. */
	if (!memcmp(had, sets, sizeof(sets)))
		return confine_new_privileges(err);
	if (syscall(SYS_capset, &header, sets) < 0)
		return vsu_error_sys(err, -errno, "cannot drop capabilities");
	return confine_new_privileges(err);
}

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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* no_new_privs and capabilities. */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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

/* Bits behind the last capability of this kernel are invalid. */
static void narrow_bounds(uint64_t keep)
{
	unsigned long bit;

	for (bit = 0; bit < 64; bit++)
		if (!(keep >> bit & 1) && prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) < 0 && errno == EINVAL)
			return;
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

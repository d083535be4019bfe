/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Enters a profile of AppArmor by files of the kernel. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/profile.h"

#define MEMBER "member 'process.apparmorProfile': "
#define MAX_NAME 1024

bool oci_profile_is_none(const char *name)
{
	return !name || !*name || !strcmp(name, "unconfined");
}

static bool has_apparmor(void)
{
	int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	char letter = 'N';
	const bool has = fd >= 0 && read(fd, &letter, 1) == 1 && letter == 'Y';

	vsu_fd_close(&fd);
	return has;
}

int oci_profile_check(const char *name, struct vsu_error *err)
{
	if (oci_profile_is_none(name))
		return 0;
	if (strlen(name) > MAX_NAME)
		return vsu_error_set(err, -EINVAL, MEMBER "the name is too long");
	return has_apparmor() ? 0 : vsu_error_set(err, -EOPNOTSUPP, MEMBER "this kernel has no AppArmor, which could enforce '%s'", name);
}

/* Since Linux 5.8 each security module has files of its own. */
static int open_own(void)
{
	const int fd = open("/proc/thread-self/attr/apparmor/current", O_WRONLY | O_CLOEXEC);

	return fd < 0 && errno == ENOENT ? open("/proc/thread-self/attr/current", O_WRONLY | O_CLOEXEC) : fd;
}

int oci_profile_open(const char *name, int *fd, struct vsu_error *err)
{
	*fd = oci_profile_is_none(name) ? -1 : open_own();
	return *fd >= 0 || oci_profile_is_none(name) ? 0 : vsu_error_sys(err, -errno, MEMBER "cannot open the kernel's file");
}

/* One write is one request. */
int oci_profile_enter(const char *name, int *fd, struct vsu_error *err)
{
	char text[MAX_NAME + 32];
	const int n = snprintf(text, sizeof(text), "changeprofile %.*s", MAX_NAME, name ? name : "");
	int rc = 0;

	if (*fd >= 0 && write(*fd, text, (size_t)n) != n)
		rc = vsu_error_sys(err, errno ? -errno : -EIO, MEMBER "cannot enter the profile '%s'; load it, or choose another one", name);
	vsu_fd_close(fd);
	return rc;
}

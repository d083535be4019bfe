/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A rename that replaces nothing. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/new_name.h"

int vmm_new_name(const char *from, const char *to)
{
	struct stat st;

	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (!lstat(to, &st))
		return -EEXIST;
	return rename(from, to) < 0 ? -errno : 0;
}

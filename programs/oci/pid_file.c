/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes the number of a process for an engine. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "oci/pid_file.h"

int oci_pid_file_write(const char *path, pid_t pid, struct vsu_error *err)
{
	char other[PATH_MAX];
	int fd;

	if (!path)
		return 0;
	if (snprintf(other, sizeof(other), "%s.new", path) >= PATH_MAX)
		return vsu_error_set(err, -ENAMETOOLONG, "option --pid-file: the path is too long");
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%d", (int)pid) < 0 || close(fd) < 0 || rename(other, path) < 0)
		return vsu_error_sys(err, -errno, "option --pid-file: cannot write '%s'", path);
	return 0;
}

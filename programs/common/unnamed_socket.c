/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes a socket whose name is removed. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "common/unnamed_socket.h"

static int listen_at(struct vmm_unnamed_socket *s, const char *folder)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int rc = 0;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", folder);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	s->address = open(a.sun_path, O_PATH | O_CLOEXEC);
	if (s->address < 0 || listen(s->listener, 1) < 0)
		rc = -errno;
	unlink(a.sun_path);
	return rc;
}

int vmm_unnamed_socket_make(struct vmm_unnamed_socket *s, struct vsu_error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char folder[64];
	int rc;

	snprintf(folder, sizeof(folder), "%s/cvmm-socket.XXXXXX",
		 runtime && *runtime == '/' && strlen(runtime) < 40 ? runtime : "/tmp");
	if (!mkdtemp(folder))
		return vsu_error_sys(err, -errno, "cannot make a folder for a socket in %.*s", (int)(strrchr(folder, '/') - folder), folder);
	rc = listen_at(s, folder);
	rmdir(folder);
	if (rc < 0)
		vmm_unnamed_socket_close(s);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot make a socket") : 0;
}

int vmm_unnamed_socket_connect(const struct vmm_unnamed_socket *s, int *fd, struct vsu_error *err)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d", s->address);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && !connect(*fd, (struct sockaddr *)&a, sizeof(a)))
		return 0;
	return vsu_error_sys(err, -errno, "cannot connect to a socket by /proc/self/fd");
}

void vmm_unnamed_socket_close(struct vmm_unnamed_socket *s)
{
	vsu_fd_close(&s->listener);
	vsu_fd_close(&s->address);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Descriptors that programs, which a process with this library starts, must not get. */
#ifndef TESTS_CLOSED_ON_EXEC_H
#define TESTS_CLOSED_ON_EXEC_H

#include <check.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLOSED_ON_EXEC_FDS 1024

/* Open when the test program started: others than the test's decide about them. */
static bool inherited_fds[CLOSED_ON_EXEC_FDS];

static void __attribute__((constructor)) note_inherited_fds(void)
{
	int fd;

	for (fd = 0; fd < CLOSED_ON_EXEC_FDS; fd++)
		inherited_fds[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* Each other open descriptor, except Check's file of messages, is closed on exec. */
static inline void assert_closed_on_exec(void)
{
	char name[64], file[256];
	int fd, flags;

	for (fd = 0; fd < CLOSED_ON_EXEC_FDS; fd++) {
		flags = inherited_fds[fd] ? -1 : fcntl(fd, F_GETFD);
		if (flags < 0 || flags & FD_CLOEXEC)
			continue;
		memset(file, 0, sizeof(file));
		snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
		(void)!readlink(name, file, sizeof(file) - 1);
		ck_assert_msg(strstr(file, "/check_") != NULL, "descriptor %d, %s", fd, file);
	}
}

#endif

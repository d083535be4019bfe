/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A socket that a peer sends, and whose close would wait for that peer. */
#ifndef VMM_TESTS_LINGERING_H
#define VMM_TESTS_LINGERING_H

#include <sys/socket.h>

#include "util.h"

static inline int lingering_socket(void)
{
	const struct linger hour = { 1, 3600 };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour)), 0);
	return fd;
}

/* False: vsu_foreign_close() has closed another descriptor of it. */
static inline bool is_lingering(int fd)
{
	struct linger now = { 0, 0 };
	socklen_t len = sizeof(now);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_LINGER, &now, &len), 0);
	return now.l_onoff;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/sock.h>

#include "floor.h"

noreturn void floor_die(const char *what)
{
	fprintf(stderr, "bench: floor: %s\n", what);
	exit(1);
}

void floor_give(int sock, size_t len, const int *fds, unsigned int nfds)
{
	static const char zeros[4096];
	const struct iovec iov = { (void *)(uintptr_t)zeros, len };

	if (vsu_sock_send(sock, &iov, 1, fds, nfds) != (ssize_t)len)
		floor_die("send");
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves sockets between guest and host, over vhost-user. */
#include <config.h>

#include "daemon.h"

int main(int argc, char **argv)
{
	static const char *const calls[] = { "bind", "connect", "socket", NULL };
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-vsock",
		.summary = "Serves sockets between a guest and this host to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"vsock\"\n"
				"}",
		.kind = &vmm_vsock_kind,
		.calls = calls,
	};

	return daemon_main(&daemon, argc, argv);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves sockets between guest and host, over vhost-user. */
#include <config.h>

#include <sys/socket.h>

#include "daemon.h"

int main(int argc, char **argv)
{
	static const char *const names[] = { "bind", "connect", NULL };
	static const struct call_rule rules[] = {
		CALL_IF_INT("socket", 0, AF_UNIX), { .name = NULL },
	};
	static const struct call_table calls = { names, rules };
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-vsock",
		.summary = "Serves sockets between a guest and this host to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"vsock\"\n"
				"}",
		.kind = devkind_vsock,
		.calls = &calls,
	};

	return daemon_main(&daemon, argc, argv);
}

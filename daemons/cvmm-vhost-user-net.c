/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a network card over a tap interface or a socket, over vhost-user. */
#include <config.h>

#include "daemon.h"

int main(int argc, char **argv)
{
	/* batches of packets */
	static const char *const names[] = { "recvmmsg", "sendmmsg", NULL };
	static const struct call_table calls = { names, NULL };
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-net",
		.summary = "Serves a network card to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"net\"\n"
				"}",
		.kind = devkind_net,
		.calls = &calls,
	};

	return daemon_main(&daemon, argc, argv);
}

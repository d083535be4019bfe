/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a console and additional ports, over vhost-user. */
#include <config.h>

#include "daemon.h"

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-console",
		.summary = "Serves a console to cvmm or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"console\"\n"
				"}",
		.kind = devkind_console,
	};

	return daemon_main(&daemon, argc, argv);
}

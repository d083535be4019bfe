/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves entropy of the host, over vhost-user. */
#include <config.h>

#include "daemon.h"

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-rng",
		.summary = "Serves entropy to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"rng\"\n"
				"}",
		.kind = devkind_rng,
	};

	return daemon_main(&daemon, argc, argv);
}

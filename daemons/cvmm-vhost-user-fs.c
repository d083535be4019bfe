/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a folder of the host, over vhost-user. */
#include <config.h>

#include "confine/confine.h"
#include "daemon.h"

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-fs",
		.summary = "Serves a folder of this host to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"fs\",\n"
				"  \"features\": [\n"
				"    \"separate-options\"\n"
				"  ]\n"
				"}",
		.kind = devkind_fs,
		.calls = &call_table_folder,
		.shares_folder = true,
		.is_virtiofsd = true,
	};

	return daemon_main(&daemon, argc, argv);
}

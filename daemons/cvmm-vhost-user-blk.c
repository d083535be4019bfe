/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a raw image or a block device as a disk, over vhost-user. */
#include <config.h>

#include "daemon.h"

/* The rings exist already, restricted to reads and writes of the image. */
static const char *const names[] = { "io_uring_enter", NULL };
static const struct call_table calls = { names, NULL };

int main(int argc, char **argv)
{
	static const struct daemon daemon = {
		.name = "cvmm-vhost-user-blk",
		.summary = "Serves a raw disk image to QEMU or another vhost-user front-end.",
		.capabilities = "{\n"
				"  \"type\": \"block\",\n"
				"  \"features\": [\n"
				"    \"read-only\",\n"
				"    \"blk-file\"\n"
				"  ]\n"
				"}",
		.kind = devkind_blk,
		.calls = &calls,
		.grows = true,
	};

	return daemon_main(&daemon, argc, argv);
}

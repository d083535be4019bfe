/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a folder of the host, over vhost-user. */
#include <config.h>

#include "daemon.h"

/* Grouped by purpose. */
static const char *const calls[] = {
	/* names in folders */
	"getdents64", "name_to_handle_at", "open_by_handle_at", "linkat", "mkdirat", "mknodat", "renameat2", "symlinkat",
	/* attributes */
	"faccessat", "faccessat2", "fchmod", "fchmodat", "fchmodat2",
	"fchownat", "utimensat", "utimensat_time64",
	/* extended attributes, and their form before Linux 6.13 */
	"getxattrat", "listxattrat", "removexattrat", "setxattrat",
	"fchdir", "getxattr", "listxattr", "removexattr", "setxattr",
	"unshare",
	/* content */
	"copy_file_range", "flock", "syncfs",
	/* a thread impersonates a guest user for one call */
	"setgroups", "setgroups32", "setresgid", "setresgid32", "setresuid",
	"setresuid32",
	/* or drops a capability */
	"capget", "capset",
	NULL,
};

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
		.kind = &vmm_fs_kind,
		.calls = calls,
		.shares_folder = true,
		.is_virtiofsd = true,
	};

	return daemon_main(&daemon, argc, argv);
}

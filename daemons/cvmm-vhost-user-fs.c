/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a folder of the host, over vhost-user. */
#include <config.h>

#include "daemon.h"

/* By what they are for. */
static const char *const calls[] = {
	/* names in folders */
	"getdents64", "name_to_handle_at", "open_by_handle_at", "linkat", "mkdirat", "mknodat", "renameat2", "symlinkat",
	/* what is said of a file */
	"faccessat", "faccessat2", "fchmod", "fchmodat", "fchmodat2",
	"fchownat", "utimensat", "utimensat_time64",
	/* its extended attributes, and the same before Linux 6.13 */
	"getxattrat", "listxattrat", "removexattrat", "setxattrat",
	"fchdir", "getxattr", "listxattr", "removexattr", "setxattr",
	"unshare",
	/* its bytes */
	"copy_file_range", "flock", "syncfs",
	/* one thread is a user of the guest for a call */
	"setgroups", "setgroups32", "setresgid", "setresgid32", "setresuid",
	"setresuid32",
	/* or is without a capability */
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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* File systems of the kernel in the command's root, and links to them that programs expect. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "agent/agent.h"

#define ROOT AGENT_ROOT

/* They hide the host's below. */
static const struct {
	const char *what, *where, *type, *data;
	unsigned long flags;
} file_systems[] = {
	{ "proc", ROOT "/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "sysfs", ROOT "/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC },
	{ "devtmpfs", ROOT "/dev", "devtmpfs", "mode=0755", MS_NOSUID },
	{ "devpts", ROOT "/dev/pts", "devpts", "mode=0620,ptmxmode=0666,gid=5", MS_NOSUID | MS_NOEXEC },
	{ "tmpfs", ROOT "/dev/shm", "tmpfs", "mode=1777", MS_NOSUID | MS_NODEV },
	{ "tmpfs", ROOT "/run", "tmpfs", "mode=0755", MS_NOSUID | MS_NODEV },
};

/* The kernel has no devices of these names: udev makes them on systems that have it. */
static const struct {
	const char *target, *name;
} links[] = {
	{ "/proc/self/fd", ROOT "/dev/fd" },
	{ "/proc/self/fd/0", ROOT "/dev/stdin" },
	{ "/proc/self/fd/1", ROOT "/dev/stdout" },
	{ "/proc/self/fd/2", ROOT "/dev/stderr" },
	{ "/proc/kcore", ROOT "/dev/core" },
};

void agent_mount_system(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		agent_make_folders(file_systems[i].where);
		agent_mount(file_systems[i].what, file_systems[i].where, file_systems[i].type,
			    file_systems[i].flags, file_systems[i].data);
	}
	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i].target, links[i].name) < 0 && errno != EEXIST)
			agent_fail("cannot make the link %s: %s", links[i].name + strlen(ROOT), strerror(errno));
}

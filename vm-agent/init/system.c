/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* File systems of the kernel, in the initrd and in the command's root, and links to them that programs expect. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent.h"

#define ROOT AGENT_ROOT
#define MINIMAL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

void vagent_priv_mount(const char *what, const char *where, const char *type, unsigned long flags,
		 const char *data)
{
	if (mount(what, where, type, flags, data) < 0 && errno != EBUSY)
		vagent_init_fail("cannot mount %s at %s (%s): %s", what, where, type ? type : "move", strerror(errno));
}

/*
 * They hide the host's below. Sizes leave memory to programs, so that a write fails with ENOSPC before the kernel
 * kills one; a file that is made in /dev by mistake has a small one. The kernel has one devtmpfs, which was
 * mounted before, and so ignores options of a further mount. Programs execute what they compile in /dev/shm.
 * A container cannot change the limits of its own control group (nsdelegate).
 */
static const struct {
	const char *what, *where, *type, *data;
	unsigned long flags;
	bool optional;		/* not all kernels have it */
} file_systems[] = {
	{ "proc", ROOT "/proc", "proc", NULL, MINIMAL, false },
	{ "sysfs", ROOT "/sys", "sysfs", NULL, MINIMAL, false },
	{ "cgroup2", ROOT "/sys/fs/cgroup", "cgroup2", "nsdelegate", MINIMAL, true },
	{ "devtmpfs", ROOT "/dev", "devtmpfs", "mode=0755", MS_NOSUID, false },
	{ "devtmpfs", ROOT "/dev", NULL, "mode=0755,size=4M", MS_REMOUNT | MS_NOSUID, true },
	{ "devpts", ROOT "/dev/pts", "devpts", "mode=0620,ptmxmode=0666,gid=5", MS_NOSUID | MS_NOEXEC, false },
	{ "tmpfs", ROOT "/dev/shm", "tmpfs", "mode=1777,size=50%", MS_NOSUID | MS_NODEV, false },
	{ "mqueue", ROOT "/dev/mqueue", "mqueue", NULL, MINIMAL, true },
	{ "tmpfs", ROOT "/run", "tmpfs", "mode=0755,size=20%", MS_NOSUID | MS_NODEV, false },
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

static void mount_optional(const char *what, const char *where, const char *type, unsigned long flags,
			   const char *data)
{
	if (mkdir(where, 0755) == 0 || errno == EEXIST)
		(void)!mount(what, where, type, flags, data);
}

static void mount_file_systems(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(file_systems) / sizeof(file_systems[0]); i++) {
		if (file_systems[i].optional) {
			mount_optional(file_systems[i].what, file_systems[i].where, file_systems[i].type,
				       file_systems[i].flags, file_systems[i].data);
			continue;
		}
		vagent_init_make_folders(file_systems[i].where);
		vagent_priv_mount(file_systems[i].what, file_systems[i].where, file_systems[i].type,
			    file_systems[i].flags, file_systems[i].data);
	}
}

static void make_links(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (symlink(links[i].target, links[i].name) < 0 && errno != EEXIST)
			vagent_init_fail("cannot make the link %s: %s", links[i].name + strlen(ROOT), strerror(errno));
}

void vagent_priv_mount_early(void)
{
	vagent_priv_mount("proc", "/proc", "proc", MINIMAL, NULL);
	vagent_priv_mount("sysfs", "/sys", "sysfs", MINIMAL, NULL);
	vagent_priv_mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755");
}

void vagent_priv_mount_system(void)
{
	mount_file_systems();
	make_links();
	/* for each user's programs, as /var/lock is often a link to it */
	vagent_init_make_folders(ROOT "/run/lock");
	(void)!chmod(ROOT "/run/lock", 01777);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds a kernel of this host. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "vm-agent/initrd.h"


#define PREFIX "vmlinuz-"
#define VERSION_BYTES 128

static bool is_readable(const char *path)
{
	return access(path, R_OK) == 0;
}

static bool find_running(const char *boot, const char *modules, char *path)
{
	struct utsname u;

	if (uname(&u) < 0)
		return false;
	snprintf(path, VAGENT_KERNEL_PATH, "%s/" PREFIX "%s", boot, u.release);
	if (is_readable(path))
		return true;
	snprintf(path, VAGENT_KERNEL_PATH, "%s/%s/vmlinuz", modules, u.release);
	return is_readable(path);
}

/* Takes the path if its version is newer than the best one. */
static void take_newer(const char *version, const char *file, char *best, char *path)
{
	if (!is_readable(file) || strverscmp(version, best) <= 0)
		return;
	snprintf(best, VERSION_BYTES, "%s", version);
	snprintf(path, VAGENT_KERNEL_PATH, "%s", file);
}

static void search_folder(const char *folder, const char *prefix, const char *suffix, char *best,
			  char *path)
{
	char file[VAGENT_KERNEL_PATH];
	DIR *d = opendir(folder);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || strncmp(e->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(file, sizeof(file), "%s/%s%s", folder, e->d_name, suffix);
		take_newer(e->d_name + strlen(prefix), file, best, path);
	}
	if (d)
		closedir(d);
}

int vagent_host_kernel(const char *boot, const char *modules, char path[VAGENT_KERNEL_PATH],
		    struct vsu_error *err)
{
	char best[VERSION_BYTES] = "";

	if (find_running(boot, modules, path))
		return 0;
	search_folder(boot, PREFIX, "", best, path);
	search_folder(modules, "", "/vmlinuz", best, path);
	if (best[0])
		return 0;
	vsu_error_set(err, -ENOENT, "no readable kernel in %s or %s", boot, modules);
	return vsu_error_operands(err, VAGENT_ADVICE_KERNEL, 0, 0), -ENOENT;
}

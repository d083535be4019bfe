/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the files that are installed with this program. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-arch/kernel.h>
#include <vmm-sys-util/parse.h>

#include "common/helpers.h"

#define LIBEXEC "/libexec"
#define BESIDE LIBEXEC "/" PACKAGE

static char folder[PATH_MAX - NAME_MAX];

static void cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

static bool is_trusted(uid_t uid, uid_t program)
{
	return !uid || uid == geteuid() || uid == program;
}

/* Others cannot choose what is in the folder, nor which folder a link names. */
static bool is_own(const char *path, uid_t program)
{
	struct stat name, st;

	return !lstat(path, &name) && is_trusted(name.st_uid, program) && !stat(path, &st) &&
	       is_trusted(st.st_uid, program) && !(st.st_mode & S_IWOTH);
}

/* Beside a program in a folder of /tmp, anybody may make a folder. */
static bool add_libexec(uid_t program)
{
	strcat(folder, LIBEXEC);
	if (!is_own(folder, program))
		return false;
	strcat(folder, "/" PACKAGE);
	return is_own(folder, program) && !access(folder, X_OK);
}

static bool cut_tail(char *path, const char *tail)
{
	const size_t len = strlen(path), cut = strlen(tail);

	if (len < cut || strcmp(path + len - cut, tail) != 0)
		return false;
	path[len - cut] = '\0';
	return true;
}

/*
 * The folder beside that of the program, or the program's own if it is such a folder; false: there
 * is none, it is not used, or its path is too long.
 */
static bool find_beside(void)
{
	const size_t room = sizeof(folder) - sizeof(BESIDE);
	const ssize_t n = readlink("/proc/self/exe", folder, room);
	struct stat st;

	if (n <= 0 || (size_t)n == room)
		return false;
	folder[n] = '\0';
	cut_last(folder);
	if (stat(*folder ? folder : "/", &st) < 0)
		return false;
	if (!cut_tail(folder, BESIDE))
		cut_last(folder);
	return add_libexec(st.st_uid);	/* who can replace the program, too */
}

void vmm_helpers_find(void)
{
	if (!*folder && !find_beside())
		strcpy(folder, HELPER_FOLDER);
}

void vmm_helper_path(const char *name, char path[PATH_MAX])
{
	vmm_helpers_find();
	snprintf(path, PATH_MAX, "%s/%.*s", folder, NAME_MAX - 1, name);
}

const char *vmm_helper_init(bool has_image)
{
	static char path[PATH_MAX];

	vmm_helper_path(has_image ? VMM_HELPER_BOOT_INIT : VMM_HELPER_INIT, path);
	return path;
}

int vmm_helper_kernel(const char **kernel, struct vsu_error *err)
{
	static const char *const names[] = { "agent", "selftest", NULL };
	static char path[PATH_MAX];
	char file[NAME_MAX];
	const char *name, *near;

	if (!*kernel || !varch_kernel_is_program_name(*kernel))
		return 0;
	name = *kernel + strlen(VARCH_KERNEL_PROGRAM_PREFIX);
	snprintf(file, sizeof(file), "%s.elf", name);
	vmm_helper_path(file, path);
	if (!strchr(name, '/') && !access(path, F_OK)) {
		*kernel = path;
		return 0;
	}
	near = vsu_nearest(name, names);
	if (near && !strcmp(near, name))
		return vsu_error_set(err, -ENOENT, "the kernel '%s' is not installed: there is no file '%s'", *kernel, path);
	return vsu_error_set(err, -ENOENT, "no built-in kernel '%s'; %s '%s'",
			     name, near ? "did you mean" : "the usual one is",
			     near ? near : "selftest");
}

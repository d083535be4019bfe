/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Runs a command on the kernel of its image: starts it by kexec with this program and the modules
 * that the machine needs, as the host does with its kernel. The ports of the command are not open
 * before, so that the host waits for the agent of the second kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <linux/reboot.h>

#include <vm-agent/init.h>
#include <vm-agent/initrd.h>
#include <vm-agent/protocol.h>
#include <vm-arch/kernel_version.h>

#include "image.h"

#define DESCRIPTOR 32		/* bytes of /proc/self/fd/N */

static struct {
	int system;		/* the image's root, which has the modules */
	const char *names;	/* path of the names of the modules (vm-agent/initrd.h) */
	char *why;		/* of the first kernel that was not started */
	bool impossible;	/* for each kernel */
} own;

static void keep_reason(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void keep_reason(const char *fmt, ...)
{
	va_list ap;

	if (*own.why)
		return;
	va_start(ap, fmt);
	vsnprintf(own.why, IMAGE_WHY, fmt, ap);
	va_end(ap);
}

/* Paths of the image are resolved in it; this one leads to what was opened. */
static const char *name_descriptor(char path[DESCRIPTOR], int fd)
{
	snprintf(path, DESCRIPTOR, "/proc/self/fd/%d", fd);
	return path;
}

static int open_modules(const char *version)
{
	static const char *const roots[] = { "/lib/modules", "/usr/lib/modules" };
	char path[ENTRY_PATH];
	unsigned int i;
	int fd = -1;

	for (i = 0; fd < 0 && i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", roots[i], version);
		fd = image_open_folder(own.system, path);
	}
	return fd;
}

/* ------------------------------------------------------------ compressed modules */

/* The configuration is beside the modules, or beside the kernel. */
static char *read_configuration(int root, const char *folder, int modules, const char *version, size_t *len)
{
	char path[ENTRY_PATH];
	char *text = image_read(modules, "config", len);

	if (text)
		return text;
	snprintf(path, sizeof(path), "%s/config-%s", folder, version);
	return image_read(root, path, len);
}

/* If the configuration cannot be read, this is assumed. */
static bool can_decompress(int root, const char *folder, int modules, const char *version)
{
	static const char option[] = "\nCONFIG_MODULE_DECOMPRESS=y";
	size_t len;
	char *text = read_configuration(root, folder, modules, version, &len);
	const bool can = !text || memmem(text, len, option, sizeof(option) - 1);

	free(text);
	return can;
}

/* ------------------------------------------------------------------ the kernel */

/* Returns a descriptor, or a negative errno. */
static int make_initrd(int modules, bool *compressed, struct vsu_error *err)
{
	char folder[DESCRIPTOR];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = "/proc/self/exe", .modules = name_descriptor(folder, modules),
		.like = own.names, .compressed = compressed,
	};
	int fd = -1, rc = vagent_initrd_make(&initrd, &fd, err);

	return rc < 0 ? rc : fd;
}

/* An initrd for the kernel of a version, or -1. */
static int make_initrd_of(int root, const char *folder, const char *version)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int modules = open_modules(version);
	bool compressed = false;
	int fd;

	if (modules < 0) {
		keep_reason("the image has no modules of its kernel %s", version);
		return -1;
	}
	fd = make_initrd(modules, &compressed, &err);
	if (fd == -EOPNOTSUPP || (fd >= 0 && compressed && !can_decompress(root, folder, modules, version))) {
		keep_reason("its kernel %s cannot load its compressed modules (CONFIG_MODULE_DECOMPRESS)", version);
		close(fd);
		fd = -1;
	} else if (fd < 0) {
		keep_reason("no initrd for its kernel: %s", err.msg);
	}
	close(modules);
	return fd;
}

/* Returns only if it cannot be started. */
static void start_kernel(int kernel, int initrd, const char *version)
{
	char line[VAGENT_INIT_CMDLINE];

	vagent_init_cmdline_without(VAGENT_KERNEL_WORD, line);
	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(line) + 1, line, 0UL) < 0) {
		own.impossible = errno == ENOSYS || errno == EPERM;
		keep_reason("its kernel %s cannot be loaded: %s", version, image_explain_load(errno));
		return;
	}
	dprintf(STDERR_FILENO, "cvmm-init: the command runs on the image's kernel %s\n", version);
	if (reboot((int)LINUX_REBOOT_CMD_KEXEC) < 0)
		keep_reason("its kernel %s cannot be started: %s", version, strerror(errno));
}

static void try_kernel(int root, const char *folder, const struct entry *e, const char *device)
{
	char version[VARCH_KERNEL_VERSION], path[DESCRIPTOR];
	int kernel, initrd;

	if (own.impossible)
		return;
	kernel = image_open_entry(root, folder, e->linux_path);
	if (kernel < 0 || varch_kernel_version(name_descriptor(path, kernel), version, NULL) < 0) {
		keep_reason("%s of %s %s", e->linux_path, device, kernel < 0 ? "does not exist" : "does not state its version");
		close(kernel);
		return;
	}
	initrd = make_initrd_of(root, folder, version);
	if (initrd >= 0) {
		start_kernel(kernel, initrd, version);
		close(initrd);
	}
	close(kernel);
}

void image_start_own(const char *names, char why[IMAGE_WHY])
{
	*why = '\0';
	own.why = why;
	own.names = names;
	own.system = image_open_system();
	if (own.system < 0)
		keep_reason("no root with /etc and /usr can be read");
	else
		image_try_disk(try_kernel);
	keep_reason("the image has no kernel");
	close(own.system);
}

void image_start_own_kernel(void)
{
	static char why[IMAGE_WHY];
	struct utsname u = { .release = "" };

	image_start_own("/" VAGENT_INITRD_NAMES, why);
	uname(&u);
	dprintf(STDERR_FILENO, "cvmm-init: the command runs on the host's kernel %s: %s\n", u.release, why);
}

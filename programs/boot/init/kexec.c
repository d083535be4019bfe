/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Executes a kernel of an image in place of the running one. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/kexec.h>
#include <linux/reboot.h>

#include <vm-agent/init.h>

#include "image.h"

#define CONSOLE "console=ttyS0"

int image_open_entry(int root, const char *folder, const char *path)
{
	char full[2 * ENTRY_PATH];
	int fd = image_open(root, path);

	if (fd >= 0)
		return fd;
	snprintf(full, sizeof(full), "%s/%s", folder, path);
	fd = image_open(root, full);
	if (fd < 0)
		dprintf(STDERR_FILENO, "cvmm-init: the boot entry's file %s does not exist\n", path);
	return fd;
}

/* Linux unpacks archives one after another; each begins at a multiple of 4. */
static bool append_file(int to, int from)
{
	static const char zeros[4];
	struct stat st;
	off_t left;
	ssize_t n = 1;

	if (fstat(from, &st) < 0)
		return false;
	for (left = st.st_size; left && n > 0; left -= n > 0 ? n : 0)
		n = sendfile(to, from, NULL, (size_t)left);
	n = (4 - st.st_size % 4) % 4;
	return !left && write(to, zeros, (size_t)n) == n;
}

/* -1: a file does not exist. */
static int open_initrds(int root, const char *folder, const struct entry *e)
{
	int all, fd;
	unsigned int i;
	bool done = true;

	if (e->ninitrds == 1)
		return image_open_entry(root, folder, e->initrds[0]);
	all = memfd_create("initrd", MFD_CLOEXEC);
	for (i = 0; all >= 0 && done && i < e->ninitrds; i++) {
		fd = image_open_entry(root, folder, e->initrds[i]);
		done = fd >= 0 && append_file(all, fd);
		if (fd >= 0)
			close(fd);
	}
	if (all < 0 || !done)
		dprintf(STDERR_FILENO, "cvmm-init: the initrds of the boot entry cannot be read: %s\n", strerror(errno));
	if (done)
		return all;
	close(all);
	return -1;
}

/* The words after "--" of this kernel's command line. */
static void append_given(struct entry *e)
{
	char line[4096];
	FILE *f = fopen("/proc/cmdline", "re");
	const char *given = f && fgets(line, sizeof(line), f) ? strstr(line, " -- ") : NULL;

	if (f)
		fclose(f);
	if (!given)
		return;
	line[strcspn(line, "\n")] = '\0';
	entry_append(e, given + 4);
}

static bool has_console(const char *options)
{
	const char *at = options;
	char next;

	while ((at = strstr(at, CONSOLE))) {
		next = at[strlen(CONSOLE)];
		if ((at == options || at[-1] == ' ') && (!next || next == ' ' || next == ','))
			return true;
		at++;
	}
	return false;
}

const char *image_explain_load(int code)
{
	return code == ENOSYS ? "the kernel that cvmm starts first lacks CONFIG_KEXEC_FILE" :
	       code == EPERM ? "the kernel that cvmm starts first does not permit kexec" :
	       code == ENOEXEC ? "it is not a kernel that this machine can execute" :
	       code == ENOMEM || code == EADDRNOTAVAIL ? "not enough memory; raise --memory" : strerror(code);
}

static void fail_load(const char *path, int code)
{
	vagent_init_fail("the image's kernel %s cannot be loaded: %s%s", path, image_explain_load(code),
		   code == ENOSYS || code == EPERM ? "; name another one with --kernel" : "");
}

static void start_kernel(const char *path)
{
	umount2("/image", MNT_DETACH);
	sync();
	reboot((int)LINUX_REBOOT_CMD_KEXEC);
	vagent_init_fail("cannot start the image's kernel %s: %s", path, strerror(errno));
}

/* Words and files of the entry that have no effect here. */
static void report_ignored(const struct entry *e)
{
	if (e->unset[0])
		dprintf(STDERR_FILENO, "cvmm-init: the boot entry uses variables without a value:%s\n", e->unset);
	if (e->has_device_tree)
		dprintf(STDERR_FILENO, "cvmm-init: the device tree of the boot entry is ignored, because it describes another machine\n");
}

void image_boot(int root, const char *folder, const struct entry *given, const char *device)
{
	struct entry *e = malloc(sizeof(*e));
	const int kernel = image_open_entry(root, folder, given->linux_path);
	const int initrd = kernel < 0 ? -1 : open_initrds(root, folder, given);

	if (!e || kernel < 0 || initrd < 0) {
		free(e);
		close(kernel);
		return;
	}
	*e = *given;
	if (!has_console(e->options))
		entry_append(e, CONSOLE);
	append_given(e);
	if (e->invalid)
		vagent_init_fail("the command line of the image's kernel exceeds %d bytes", ENTRY_OPTIONS - 1);
	report_ignored(e);
	dprintf(STDERR_FILENO, "cvmm-init: boots %s (%s of %s)\n", e->title, e->linux_path, device);
	if (syscall(SYS_kexec_file_load, kernel, e->ninitrds ? initrd : -1, strlen(e->options) + 1,
		    e->options, e->ninitrds ? 0UL : (unsigned long)KEXEC_FILE_NO_INITRAMFS) < 0)
		fail_load(e->linux_path, errno);
	start_kernel(e->linux_path);
}

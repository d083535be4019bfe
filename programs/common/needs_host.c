/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds out what this host lacks for a machine with Linux: KVM, a kernel, its modules, QEMU. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-agent/initrd.h>
#include <vm-arch/arch.h>
#include <vm-arch/kernel.h>
#include <vm-arch/kernel_version.h>
#include <vm-arch/layout.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/fd.h>

#include "common/needs.h"

#define QEMU "qemu-system-x86_64"
#define DEBIAN_KERNEL "linux-image-"	/* with the name of the processor */

enum { PACKAGE_KERNEL, PACKAGE_QEMU, PACKAGE_DEPMOD, PACKAGES };

/* The packages of a distribution, by its ID in os-release. */
static const struct distribution {
	const char *id, *install, *packages[PACKAGES];
} distributions[] = {
	{ "debian", "apt install", { DEBIAN_KERNEL, "qemu-system-x86", "kmod" } },
	{ "ubuntu", "apt install", { "linux-image-generic", "qemu-system-x86", "kmod" } },
	{ "fedora", "dnf install", { "kernel-core", "qemu-system-x86-core", "kmod" } },
	{ "arch", "pacman -S", { "linux", "qemu-base", "kmod" } },
	{ "opensuse", "zypper install", { "kernel-default", "qemu-x86", "kmod" } },
	{ "alpine", "apk add", { "linux-virt", "qemu-system-x86_64", "kmod" } },
};

/* The parts that are missing, as one sentence, and their packages. */
struct lack {
	const struct vmm_needs *needs;
	bool packages[PACKAGES];
	char text[400];
	size_t len;
};

static void add_lack(struct lack *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add_lack(struct lack *l, const char *fmt, ...)
{
	va_list ap;
	char one[300];

	va_start(ap, fmt);
	vsnprintf(one, sizeof(one), fmt, ap);
	va_end(ap);
	snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s", l->len ? "; " : "", one);
	l->len = strlen(l->text);
}

static const char *of_host(const char *given, const char *preset)
{
	return given ? given : preset;
}

/* -------------------------------------------------------------------- parts */

static bool is_in_path(const char *path, const char *program)
{
	char file[PATH_MAX];
	size_t len;

	for (; path && *path; path += len + (path[len] == ':')) {
		len = strcspn(path, ":");
		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, program);
		if (!access(file, X_OK))
			return true;
	}
	return false;
}

static void check_qemu(struct lack *l, const char *why)
{
	if (is_in_path(of_host(l->needs->path, getenv("PATH")), QEMU))
		return;
	l->packages[PACKAGE_QEMU] = true;
	if (why)
		add_lack(l, "%s", why);
}

/* KVM executes the guest's kernel in software, which Linux does not survive. */
static bool is_emulated(void)
{
	struct varch_vm kvm;
	bool is;

	if (varch_vm_open(&kvm, NULL, NULL) < 0)
		return false;
	is = varch_emulates_level0(&kvm);
	varch_vm_close(&kvm);
	return is;
}

static void check_kvm(struct lack *l)
{
	const char *path = of_host(l->needs->kvm, "/dev/kvm");
	const char *remedy = l->needs->may_emulate ? ", or use --emulate" : "";
	int fd = open(path, O_RDWR | O_CLOEXEC), rc = fd < 0 ? -errno : 0;

	vsu_fd_close(&fd);
	if (rc == -EACCES || rc == -EPERM)
		add_lack(l, "this user may not open %s: add the user to its group, mostly kvm%s", path, remedy);
	else if (rc < 0)
		add_lack(l, "%s does not exist: load KVM's module (kvm_intel, kvm_amd)%s", path, remedy);
	else if (!l->needs->kvm && is_emulated())
		add_lack(l, "this host's KVM does not run privilege level 0 on the processor, which Linux requires: use a host with VT-x or AMD-V%s", remedy);
	else
		return;
	if (l->needs->may_emulate)
		check_qemu(l, NULL);
}

/* Some distributions make kernels readable by root only. */
static bool has_kernels(const char *boot)
{
	DIR *d = opendir(boot);
	struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = !strncmp(e->d_name, "vmlinuz", strlen("vmlinuz"));
	if (d)
		closedir(d);
	return found;
}

static void check_modules(struct lack *l, const char *kernel)
{
	const char *folder = of_host(l->needs->module_folder, "/lib/modules");
	char version[VARCH_KERNEL_VERSION], path[PATH_MAX];

	if (l->needs->modules || varch_kernel_version(kernel, version, NULL) < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, version);
	if (access(path, X_OK) < 0) {
		add_lack(l, "no modules of the kernel '%s' in %s: install its package again, or name them with --modules", kernel, folder);
		return;
	}
	strncat(path, "/modules.dep", sizeof(path) - strlen(path) - 1);
	if (!access(path, R_OK))
		return;
	add_lack(l, "no '%s': run 'depmod %s'", path, version);
	l->packages[PACKAGE_DEPMOD] = access("/sbin/depmod", X_OK) < 0 && access("/usr/sbin/depmod", X_OK) < 0;
}

static void check_kernel(struct lack *l)
{
	const char *boot = of_host(l->needs->boot, "/boot");
	const char *modules = of_host(l->needs->module_folder, "/lib/modules");
	char kernel[VAGENT_KERNEL_PATH];

	if (l->needs->kernel) {
		check_modules(l, l->needs->kernel);
	} else if (!vagent_host_kernel(boot, modules, kernel, NULL)) {
		check_modules(l, kernel);
	} else if (has_kernels(boot)) {
		add_lack(l, "this user may not read the kernels in %s: name a copy with --kernel", boot);
	} else {
		add_lack(l, "no kernel in %s or %s: install one, or name it with --kernel", boot, modules);
		l->packages[PACKAGE_KERNEL] = true;
	}
}

/* ------------------------------------------------------------------ packages */

/* The distribution of os-release: its ID, or the first known one of those that it is like. */
static const struct distribution *find_distribution(const char *path)
{
	const struct distribution *found = NULL, *d;
	char line[256], *word, *save;
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "ID=", 3) != 0 && (found || strncmp(line, "ID_LIKE=", 8) != 0))
			continue;
		for (word = strtok_r(strchr(line, '=') + 1, " \"'\n", &save); word; word = strtok_r(NULL, " \"'\n", &save))
			for (d = distributions; d < distributions + sizeof(distributions) / sizeof(*distributions); d++)
				if (!strcmp(d->id, word))
					found = d;
	}
	if (f)
		fclose(f);
	return found;
}

static void add_packages(struct lack *l)
{
	const struct distribution *d = find_distribution(of_host(l->needs->release, "/etc/os-release"));
	const bool is_arm = !strcmp(VARCH_NAME, "arm64");
	char text[200] = "";
	int i;

	for (i = 0; d && i < PACKAGES; i++) {
		const size_t len = strlen(text);

		if (l->packages[i] && !strcmp(d->packages[i], DEBIAN_KERNEL))
			snprintf(text + len, sizeof(text) - len, " " DEBIAN_KERNEL "%s", is_arm ? "arm64" : "amd64");
		else if (l->packages[i])
			snprintf(text + len, sizeof(text) - len, " %s", d->packages[i]);
	}
	if (*text)
		add_lack(l, "'%s%s' installs what is missing", d->install, text);
}

int vmm_needs_check(const struct vmm_needs *needs, struct vsu_error *err)
{
	struct lack l = { .needs = needs, .len = 0 };

	if (needs->kernel && varch_kernel_name_is_builtin(needs->kernel) > 0)
		return 0;
	if (needs->emulates)
		check_qemu(&l, "no " QEMU " for --emulate");
	else
		check_kvm(&l);
	check_kernel(&l);
	if (!l.len)
		return 0;
	add_packages(&l);
	return vsu_error_set(err, -EOPNOTSUPP, "%s", l.text);
}

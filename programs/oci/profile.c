/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Enters a profile of AppArmor and a label of SELinux by files of the kernel. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/profile.h"

#define MAX_NAME 1024

static const struct module {
	const char *member, *name;
	size_t at;		/* of the text in struct oci_process */
	const char *state, *enabled; /* the file that begins with one of these letters if the module is in use */
	const char *own;	/* NULL: the file is the common one */
	const char *command;	/* before the name */
	const char *none;	/* the name that stands for no confinement */
} modules[OCI_MODULES] = {
	[OCI_APPARMOR] = {
		.member = "process.apparmorProfile", .name = "AppArmor", .at = offsetof(struct oci_process, apparmor),
		.state = "/sys/module/apparmor/parameters/enabled", .enabled = "Y",
		/* since Linux 5.8 */
		.own = "/proc/thread-self/attr/apparmor/current", .command = "changeprofile ", .none = "unconfined",
	},
	[OCI_SELINUX] = {
		.member = "process.selinuxLabel", .name = "SELinux", .at = offsetof(struct oci_process, selinux),
		.state = "/sys/fs/selinux/enforce", .enabled = "01", .command = "", .none = "",
	},
};

/* NULL: none */
static const char *name_of(const struct oci_process *p, enum oci_module i)
{
	const char *name = p ? *(const char *const *)(const void *)((const char *)p + modules[i].at) : NULL;

	return name && *name && strcmp(name, modules[i].none) ? name : NULL;
}

/* --------------------------------------------------------------------- checks */

static bool is_in_use(const struct module *m)
{
	int fd = open(m->state, O_RDONLY | O_CLOEXEC);
	char letter;
	const bool is = fd >= 0 && read(fd, &letter, 1) == 1 && letter && strchr(m->enabled, letter);

	vsu_fd_close(&fd);
	return is;
}

static int check_name(const struct module *m, const char *member, const char *name, struct vsu_error *err)
{
	if (strlen(name) > MAX_NAME)
		return vsu_error_set(err, -EINVAL, "member '%s': the name is too long", member);
	return is_in_use(m) ? 0 : vsu_error_set(err, -EOPNOTSUPP, "member '%s': this kernel has no %s, which could enforce '%s'", member, m->name, name);
}

int oci_profile_check(const struct oci_process *p, struct vsu_error *err)
{
	int i, rc = 0;

	for (i = 0; !rc && i < OCI_MODULES; i++)
		if (name_of(p, (enum oci_module)i))
			rc = check_name(&modules[i], modules[i].member, name_of(p, (enum oci_module)i), err);
	return rc;
}

int oci_profile_check_mounts(const char *label, struct vsu_error *err)
{
	if (!label || !*label)
		return 0;
	if (strchr(label, '"'))
		return vsu_error_set(err, -EINVAL, "member 'linux.mountLabel': a label has no quotes");
	return check_name(&modules[OCI_SELINUX], "linux.mountLabel", label, err);
}

int oci_profile_refuse(const struct oci_process *p, const char *reason, struct vsu_error *err)
{
	int i;

	for (i = 0; i < OCI_MODULES; i++)
		if (name_of(p, (enum oci_module)i))
			return vsu_error_set(err, -EOPNOTSUPP, "member '%s' is not supported %s", modules[i].member, reason);
	return 0;
}

int oci_profile_compare(const struct oci_process *p, const struct oci_process *own, struct vsu_error *err)
{
	const char *name, *other;
	int i;

	for (i = 0; i < OCI_MODULES; i++) {
		name = name_of(p, (enum oci_module)i);
		other = name_of(own, (enum oci_module)i);
		if (name && (!other || strcmp(name, other) != 0))
			return vsu_error_set(err, -EOPNOTSUPP, "member '%s': '%s' is not that of the container, which confines its process on the host", modules[i].member, name);
	}
	return 0;
}

/* ------------------------------------------------------------------- entering */

static int open_module(const struct module *m, struct vsu_error *err)
{
	int fd = m->own ? open(m->own, O_WRONLY | O_CLOEXEC) : -1;

	if (fd < 0 && (!m->own || errno == ENOENT))
		fd = open("/proc/thread-self/attr/current", O_WRONLY | O_CLOEXEC);
	return fd < 0 ? vsu_error_sys(err, -errno, "member '%s': cannot open the kernel's file", m->member) : fd;
}

int oci_profile_open(const struct oci_process *p, int fds[OCI_MODULES], struct vsu_error *err)
{
	int i, rc = 0;

	for (i = 0; i < OCI_MODULES; i++) {
		fds[i] = !rc && name_of(p, (enum oci_module)i) ? open_module(&modules[i], err) : -1;
		if (!rc && fds[i] < 0 && name_of(p, (enum oci_module)i))
			rc = fds[i];
	}
	for (i = 0; rc < 0 && i < OCI_MODULES; i++)
		vsu_fd_close(&fds[i]);
	return rc;
}

static int explain_failure(enum oci_module i, const char *name, int code, struct vsu_error *err)
{
	if (i == OCI_APPARMOR)
		return vsu_error_sys(err, code, "member '%s': cannot enter the profile '%s'; load it, or choose another one", modules[i].member, name);
	return vsu_error_sys(err, code, "member '%s': cannot change to the label '%s'; let the policy permit it (dyntransition), or choose another one", modules[i].member, name);
}

/* One write is one request. */
static int enter_module(enum oci_module i, const char *name, int fd, struct vsu_error *err)
{
	char text[MAX_NAME + 32];
	const int n = snprintf(text, sizeof(text), "%s%.*s", modules[i].command, MAX_NAME, name);

	errno = 0;
	return write(fd, text, (size_t)n) == n ? 0 : explain_failure(i, name, errno ? -errno : -EIO, err);
}

int oci_profile_enter(const struct oci_process *p, int fds[OCI_MODULES], struct vsu_error *err)
{
	int i, rc = 0;

	for (i = 0; i < OCI_MODULES; i++) {
		if (!rc && fds[i] >= 0)
			rc = enter_module((enum oci_module)i, name_of(p, (enum oci_module)i), fds[i], err);
		vsu_fd_close(&fds[i]);
	}
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Confines the process of a container. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/confine.h"
#include "descriptors.h"
#include "oci/monitor_confinement.h"
#include "oci/profile.h"
#include "oci/view.h"

#define OWN_FILES "/proc/self/fd"
#define BIT(capability) (UINT64_C(1) << (capability))

/*
 * The monitor writes its status, compiles filters of members of its pod, and waits for QEMU, whose end is
 * that of a child of another process.
 */
static const char *const calls[] = {
	"dup3", "geteuid", "getpgid", "getpgrp", "memfd_create", "pwrite64", "signalfd4", "wait4", "waitid", NULL,
};
static const struct call_rule rules[] = {
	CALL_IF_INT("ioctl", 1, TIOCGWINSZ), CALL_IF_INT("ioctl", 1, FIONREAD),
	{ .name = NULL },
};
static const struct call_table monitoring = { calls, rules };

/*
 * A machine in this process: its CPUs, and the pages of its memory. No sockets: a named one of the
 * host, which Landlock does not refuse, would lead to the engine.
 */
static const char *const machine_calls[] = {
	"cachestat", "getegid", "getgid", "getgroups", "getuid", "mincore", "pipe2", "recvmmsg", "sendmmsg", NULL,
};
static const struct call_rule machine_rules[] = {
	CALL_IF("ioctl", 1, 0xff00, 0xae00),	/* KVM */
	CALL_IF_INT("prctl", 0, PR_SET_NAME),
	{ .name = NULL },
};
static const struct call_table running = { machine_calls, machine_rules };

static int add_files(struct confine_plan *plan, struct vsu_error *err)
{
	const int rc = confine_add_path(plan, "/dev/null", LANDLOCK_FILE, err);

	return rc < 0 ? rc : confine_add_own(plan, err);
}

/* Files of a shared folder belong to any user; set-user-ID programs and device nodes are the container's. */
static const uint64_t serving = BIT(CAP_DAC_OVERRIDE) | BIT(CAP_IPC_LOCK) | BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
				BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_MKNOD) | BIT(CAP_SETFCAP);

/*
 * Landlock does not restrict changes of owners, modes and attributes: the folder is all that a path leads to. The
 * descriptor of the namespace that it is in stays open, because its mounts end with it.
 */
static int leave_namespace(const struct oci_monitor_files *files, struct vsu_error *err)
{
	int folder = open(files->folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int own = folder < 0 ? -1 : open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), rc;

	if (own < 0)
		rc = vsu_error_sys(err, -errno, "cannot open '%s' and the namespace of mounts", files->folder);
	else
		rc = oci_view_enter(files->spec, files->folder, err);
	if (!rc && (fchdir(folder) < 0 || chroot(".") < 0))
		rc = vsu_error_sys(err, -errno, "cannot change the root to '%s'", files->folder);
	vsu_fd_close(&folder);
	return rc;
}

static int release_descriptors(struct vsu_error *err)
{
	return umount2(OWN_FILES, MNT_DETACH) < 0 ? vsu_error_sys(err, -errno, "cannot unmount '" OWN_FILES "'") : 0;
}

int oci_monitor_separate(struct vsu_error *err)
{
	return mount(OWN_FILES, OWN_FILES, NULL, MS_BIND, NULL) < 0 ? vsu_error_sys(err, -errno, "cannot mount '" OWN_FILES "'") : 0;
}

int oci_monitor_confine(const struct oci_monitor_files *files, const char **remark, struct vsu_error *err)
{
	const struct oci_process *process = files ? &files->spec->process : NULL;
	struct confine_plan plan = CONFINE_PLAN_INIT;
	int rc, attributes[OCI_MODULES], i;

	plan.drops = CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING;
	plan.complaint = plan.filter_complaint = VSU_LOG_DEBUG;
	plan.action = CALL_FILTER_FAIL;
	plan.calls[0] = &call_table_serving;
	plan.calls[1] = &monitoring;
	rc = oci_profile_open(process, attributes, err);
	rc = rc < 0 ? rc : add_files(&plan, err);
	if (!rc && prog_descriptors_close_folders() < 0)
		rc = vsu_error_set(err, -ENOENT, "the descriptors of the monitor, /proc/self/fd, cannot be read");
	if (!rc && files && files->serves) {
		plan.calls[2] = &call_table_folder;
		plan.calls[3] = &running;
		plan.capabilities = plan.own_capabilities = serving;
		rc = confine_add_path(&plan, files->folder, LANDLOCK_FULL, err);
		rc = rc < 0 ? rc : release_descriptors(err);
	}
	if (!rc && files)
		rc = leave_namespace(files, err);
	/* its rules may forbid what was done so far */
	rc = rc < 0 ? rc : oci_profile_enter(process, attributes, err);
	for (i = 0; i < OCI_MODULES; i++)
		vsu_fd_close(&attributes[i]);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_CLOSE, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_FILTER, err);
	if (!rc && !confine_has_closed(&plan))
		*remark = "a guest that controls its monitor can change files of the host, because this kernel or build has no Landlock; use Linux 5.19 or newer with 'landlock' in its parameter 'lsm'";
	confine_plan_end(&plan);
	return rc;
}

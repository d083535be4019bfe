/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files that a machine's options name (<cvmm/configuration.h>), and those that running requires:
 * for Landlock, and as the content of a jail.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <device-kinds/port_log.h>
#include <vmm-sys-util/fd.h>

#include "common/confinement.h"

static bool is_jail(const struct confine_plan *plan)
{
	return plan->root == CONFINE_ROOT_FILES;
}

static bool is_memory(const struct cvmm_reference *r)
{
	return !strcmp(r->option, "memory");
}

/* --------------------------------------------------------------------- refusals */

/* The first use would fail with the cause of another namespace. */
static int refuse_outside(const char *what, struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "--jail: '%s' is in the host's network or terminals, which the jail hides; add backend=spawn to the device, or pass a descriptor",
			     what);
}

/* The host's physical memory, which the kernel opens for CAP_SYS_RAWIO only. */
static int check_piece(const struct confine_plan *plan, const char *path,
			struct vsu_error *err)
{
	struct stat st;

	if (!(plan->drops & CONFINE_DROP_RIGHTS) || !path || stat(path, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(1, 1))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "--memory: '%s' requires CAP_SYS_RAWIO, which %s drops%s",
			     path, is_jail(plan) ? "--jail" : "--sandbox=on",
			     is_jail(plan) ? "; leave --jail out, and add --sandbox=off" : "; add --sandbox=off");
}

/* A folder of a saved machine, which a jail has by its path only. */
static int check_folder(const struct cvmm_reference *r, struct vsu_error *err)
{
	return r->device < 0 && r->fd >= 0 ?
	       vsu_error_set(err, -EINVAL, "option --from: a jail has no folder 'fd:%d%s%s'; name it by its path",
			     r->fd, r->text ? ":" : "", r->text ? r->text : "") : 0;
}

static int check_in_jail(const struct cvmm_reference *r, struct vsu_error *err)
{
	switch (r->kind) {
	case CVMM_REFERENCE_TERMINAL:
		if (r->device < 0)
			return vsu_error_set(err, -EOPNOTSUPP, "--jail: a terminal for the serial port is outside of the jail; use --serial=socket:PATH, or pass a descriptor");
		return refuse_outside(r->text, err);
	case CVMM_REFERENCE_INTERFACE:
	case CVMM_REFERENCE_SERVER:
		return refuse_outside(r->text, err);
	case CVMM_REFERENCE_PEER:
		return r->text && r->text[0] == '@' ? refuse_outside(r->text, err) : 0;
	case CVMM_REFERENCE_FOLDER:
		return check_folder(r, err);
	default:
		return 0;
	}
}

/* Refuses what the rights or the jail do not permit, before a file is created. */
static int check_reference(struct confine_plan *plan, const struct cvmm_reference *r,
			   struct vsu_error *err)
{
	const int rc = is_jail(plan) ? check_in_jail(r, err) : 0;

	if (rc < 0)
		return rc;
	if (r->kind == CVMM_REFERENCE_SERVER)
		return devkind_disk_load(r->text, err);
	return is_memory(r) && r->fd < 0 ? check_piece(plan, r->text, err) : 0;
}

/* ---------------------------------------------------------------------- paths */

/* A file that does not exist will be created in its folder. */
static int target_add(struct confine_plan *plan, const char *path, struct vsu_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return confine_add_parent(plan, path, LANDLOCK_FULL, err);
	return confine_add_path(plan, path, S_ISDIR(st.st_mode) ? LANDLOCK_FULL : LANDLOCK_FILE, err);
}

static int log_add(struct confine_plan *plan, const char *path, struct vsu_error *err)
{
	char *former = devkind_port_log_former(path);
	int rc = former ? target_add(plan, path, err) :
			  vsu_error_set(err, -ENOMEM, "no memory for a path");

	rc = rc ? rc : target_add(plan, former, err);
	free(former);
	return rc;
}

/* ----------------------------------------------------------------- references */

/*
 * A file that was passed is opened again by its name: memory, to be locked for a destination. Landlock
 * checks the files below an open folder by its path.
 */
static int passed_add(struct confine_plan *plan, const struct cvmm_reference *r, struct vsu_error *err)
{
	char path[32];

	if (r->kind == CVMM_REFERENCE_FILE && (!is_memory(r) || is_jail(plan)))
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
	if (r->kind == CVMM_REFERENCE_FOLDER)
		return r->device < 0 ? confine_add_path(plan, path, LANDLOCK_READ, err) : 0;
	return confine_add_path(plan, path, r->access == CVMM_ACCESS_READ ? LANDLOCK_READ_FILE : LANDLOCK_FILE, err);
}

static int file_add(struct confine_plan *plan, const struct cvmm_reference *r, struct vsu_error *err)
{
	switch (r->access) {
	case CVMM_ACCESS_READ:
		return confine_add_path(plan, r->text, r->device < 0 ? LANDLOCK_READ : LANDLOCK_READ_FILE, err);
	case CVMM_ACCESS_WRITE:
		return confine_add_path(plan, r->text, LANDLOCK_FILE, err);
	case CVMM_ACCESS_APPEND:
		return log_add(plan, r->text, err);
	default:
		return target_add(plan, r->text, err);
	}
}

/*
 * Sockets of other processes need no rule of Landlock, which does not restrict connections
 * to them. A jail needs their folder: a server that starts again makes a new socket.
 */
static int reference_add(struct confine_plan *plan, const struct cvmm_reference *r, struct vsu_error *err)
{
	switch (r->kind) {
	case CVMM_REFERENCE_FILE:
		return r->fd < 0 ? file_add(plan, r, err) : passed_add(plan, r, err);
	case CVMM_REFERENCE_FOLDER:
		if (r->fd >= 0)
			return passed_add(plan, r, err);
		return confine_add_path(plan, r->text, r->access == CVMM_ACCESS_READ ? LANDLOCK_READ : LANDLOCK_FULL, err);
	case CVMM_REFERENCE_SOCKET:
		return confine_add_parent(plan, r->text, LANDLOCK_SOCKETS, err);
	case CVMM_REFERENCE_PEER:
		return is_jail(plan) && r->fd < 0 ? confine_add_parent(plan, r->text, LANDLOCK_NAMES, err) : 0;
	default:
		return 0;
	}
}

/* ------------------------------------------------------------------------- logs */

/*
 * Creates the files of logs before the rules, which are then for these files alone and not for
 * their folders. A failure is reported when the log is opened, with its option.
 */
static int log_create(struct confine_plan *plan, const struct cvmm_reference *r, struct vsu_error *err)
{
	(void)plan;
	(void)err;
	if (r->kind == CVMM_REFERENCE_FILE && r->access == CVMM_ACCESS_APPEND && r->fd < 0)
		(void)!devkind_port_log_create(r->text, NULL);
	return 0;
}

/* --------------------------------------------------- files that running requires */

enum { HOST, JAIL };

/* Causes for which a running machine uses a file; bits. */
enum {
	USE_ALWAYS = 1,
	USE_DEVICE = 2,		/* any device: the kernel may serve it */
	USE_CHARACTERS = 4,	/* a file that may be a DAX device, whose size is in sysfs */
	USE_INTERFACE = 8,
	USE_TERMINAL = 16,
	USE_NAMES = 32,		/* of hosts */
	USE_ALL = 63,
};

/* Devices that the user may open, and the kernel's limits. */
static const struct {
	const char *path;
	enum landlock_use use;
	int where;
	unsigned int causes;
} common[] = {
	{ "/dev/kvm", LANDLOCK_DEVICE, JAIL, USE_ALWAYS },
	{ "/dev/net/tun", LANDLOCK_DEVICE, HOST, USE_INTERFACE },
	{ "/dev/null", LANDLOCK_DEVICE, JAIL, USE_ALWAYS },
	{ "/dev/ptmx", LANDLOCK_DEVICE, HOST, USE_TERMINAL },
	{ "/dev/pts", LANDLOCK_DEVICE, HOST, USE_TERMINAL },
	{ "/dev/userfaultfd", LANDLOCK_DEVICE, JAIL, USE_ALWAYS },
	{ "/dev/vhost-net", LANDLOCK_DEVICE, JAIL, USE_DEVICE },
	{ "/dev/vhost-vsock", LANDLOCK_DEVICE, JAIL, USE_DEVICE },
	{ "/proc/meminfo", LANDLOCK_READ, JAIL, USE_ALWAYS },
	{ "/proc/sys/vm/overcommit_memory", LANDLOCK_READ, JAIL, USE_ALWAYS },
	{ "/sys/dev/char", LANDLOCK_READ, HOST, USE_CHARACTERS },
	{ "/sys/devices", LANDLOCK_READ, HOST, USE_CHARACTERS },
	{ "/sys/module/vhost/parameters", LANDLOCK_READ, JAIL, USE_DEVICE },
	{ "/etc/gai.conf", LANDLOCK_READ, HOST, USE_NAMES },
	{ "/etc/host.conf", LANDLOCK_READ, HOST, USE_NAMES },
	{ "/etc/hosts", LANDLOCK_READ, HOST, USE_NAMES },
	{ "/etc/nsswitch.conf", LANDLOCK_READ, HOST, USE_NAMES },
	{ "/etc/resolv.conf", LANDLOCK_READ, HOST, USE_NAMES },
	{ "/etc/services", LANDLOCK_READ, HOST, USE_NAMES },
};

static unsigned int causes_of(const struct cvmm_reference *r)
{
	switch (r->kind) {
	case CVMM_REFERENCE_FILE:
		return r->device >= 0 || is_memory(r) ? USE_CHARACTERS : 0;
	case CVMM_REFERENCE_SERVER:
		return USE_NAMES;
	case CVMM_REFERENCE_INTERFACE:
		return USE_INTERFACE;
	case CVMM_REFERENCE_TERMINAL:
		return USE_TERMINAL;
	default:
		return 0;
	}
}

/* A machine without a control socket has no later devices, and is not sent to another host. */
static unsigned int causes_of_machine(const struct cvmm_configuration *machine,
				      const struct vmm_control_end *control)
{
	struct cvmm_description whole = { .size = sizeof(whole) };
	struct cvmm_reference r = { .size = sizeof(r) };
	unsigned int i, causes = USE_ALWAYS;

	if (vmm_control_end_is_given(control) ||
	    cvmm_configuration_get_machine(machine, &whole, NULL) < 0)
		return USE_ALL;
	if (whole.devices)
		causes |= USE_DEVICE;
	for (i = 0; !cvmm_configuration_get_reference(machine, i, &r, NULL); i++)
		causes |= causes_of(&r);
	return causes;
}

static int common_add(struct confine_plan *plan, unsigned int causes, struct vsu_error *err)
{
	size_t i;
	int fd, rc = 0;

	for (i = 0; !rc && i < sizeof(common) / sizeof(*common); i++)
		if (common[i].causes & causes && (common[i].where == JAIL || !is_jail(plan)))
			rc = confine_add_path(plan, common[i].path, common[i].use, err);
	/* opened again by another name */
	for (fd = 0; !rc && fd <= STDERR_FILENO; fd++)
		rc = confine_add(plan, vsu_fd_dup(fd), NULL, LANDLOCK_FILE, err);
	return rc ? rc : confine_add_own(plan, err);
}

/* The folders of --sandbox, also if it is off: a wrong one is a mistake. */
static int folders_add(struct confine_plan *plan, const struct vmm_sandbox_option *o,
		       struct vsu_error *err)
{
	unsigned int i;
	int place, rc = 0;

	for (i = 0; !rc && i < o->nfolders; i++) {
		place = open(o->folders[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (place < 0)
			return vsu_error_sys(err, -errno, "--sandbox: folder '%s'", o->folders[i]);
		rc = confine_add(plan, place, o->folders[i], LANDLOCK_FULL, err);
	}
	return rc;
}

static int for_references(struct confine_plan *plan, const struct cvmm_configuration *machine,
			  int (*fn)(struct confine_plan *plan, const struct cvmm_reference *r,
				    struct vsu_error *err),
			  struct vsu_error *err)
{
	struct cvmm_reference r = { .size = sizeof(r) };
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && !cvmm_configuration_get_reference(machine, i, &r, NULL); i++)
		rc = fn(plan, &r, err);
	return rc;
}

/* Also loads the modules of disks and of encryption, which a sandbox denies. */
int vmm_confinement_files(struct confine_plan *plan, const struct cvmm_configuration *machine,
			  const struct vmm_program_options *options, struct vsu_error *err)
{
	const struct vmm_sandbox_option *sandbox = &options->confinement;
	int rc = folders_add(plan, sandbox, err);

	if (rc < 0 || sandbox->how == VMM_SANDBOX_OFF)
		return rc;
	if (sandbox->tls)
		rc = cvmm_tls_load(err);
	rc = rc ? rc : for_references(plan, machine, check_reference, err);
	if (!rc && !options->dry_run)
		rc = for_references(plan, machine, log_create, err);
	if (!rc && options->control.path)
		rc = confine_add_parent(plan, options->control.path, LANDLOCK_SOCKETS, err);
	rc = rc ? rc : for_references(plan, machine, reference_add, err);
	return rc ? rc : common_add(plan, causes_of_machine(machine, &options->control), err);
}

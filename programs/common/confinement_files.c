/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files that a machine's options name, and those that running requires: for Landlock, and
 * as the content of a jail. Each kind of device states what it opens (struct
 * devkind_facts), so a new one needs no change here.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <device-kinds/port_log.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "common/confinement.h"
#include "config/device.h"
#include "config/option_rows.h"
#include "migration/tls.h"

static bool is_jail(const struct confine_plan *plan)
{
	return plan->root == CONFINE_ROOT_FILES;
}

/* --------------------------------------------------------------------- refusals */

/* The first use would fail with the cause of another namespace. */
static int refuse_outside(const char *what, struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "--jail: '%s' is in the host's network or terminals, which the jail hides; add backend=spawn to the device, or pass a descriptor",
			     what);
}

static int check_device(const struct confine_plan *plan, const struct vmm_device_spec *spec,
			struct vsu_error *err)
{
	const bool jail = is_jail(plan);
	const struct devkind_opening *o;
	struct devkind_facts facts;
	int rc;

	if (!vmm_device_is_own(spec))
		return jail && spec->remote && !spec->spawned && spec->socket[0] == '@' ?
		       refuse_outside(spec->socket, err) : 0;
	facts = vmm_device_describe(spec);
	rc = jail && facts.outside ? refuse_outside(facts.outside, err) : 0;
	for (o = facts.opens; !rc && o->text; o++)
		if (devkind_disk_is_address(o->text))
			rc = devkind_disk_load(o->text, err);
	return rc;
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

static int check_template(const char *text, struct vsu_error *err)
{
	return text && vsu_file_value_is_fd(text) ?
	       vsu_error_set(err, -EINVAL, "option --from: a jail has no folder '%s'; name it by its path", text) : 0;
}

/* Refuses what the rights or the jail do not permit, before a file is created. */
static int options_check(const struct confine_plan *plan, const struct vmm_options *o,
			 struct vsu_error *err)
{
	const struct vmm_option_row *row;
	unsigned int i;
	int rc = 0;

	if (is_jail(plan) && o->machine.serial.how == VMM_SERIAL_PTY)
		return vsu_error_set(err, -EOPNOTSUPP, "--jail: a terminal for the serial port is outside of the jail; use --serial=socket:PATH, or pass a descriptor");
	for (row = vmm_option_rows; !rc && row->option.name; row++)
		if (is_jail(plan) && row->refers == DEVKIND_REFERS_FOLDER_READ)
			rc = check_template(vmm_option_text(o, row), err);
	for (i = 0; !rc && i < o->machine.memory.n; i++)
		rc = check_piece(plan, vmem_backend_text(o->machine.memory.list[i].backend, "mem-path"), err);
	for (i = 0; !rc && i < o->machine.ndevices; i++)
		rc = check_device(plan, &o->machine.specs[i], err);
	return rc;
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

/* -------------------------------------------------------------------- devices */

static int opening_add(struct confine_plan *plan, const struct devkind_opening *o,
		       struct vsu_error *err)
{
	static const enum landlock_use uses[] = {
		[DEVKIND_READS] = LANDLOCK_READ_FILE,
		[DEVKIND_WRITES] = LANDLOCK_FILE,
		[DEVKIND_SHARES] = LANDLOCK_FULL,
		[DEVKIND_SHARES_READ] = LANDLOCK_READ,
		[DEVKIND_CREATES] = LANDLOCK_FULL,
	};

	if (devkind_disk_is_address(o->text) || vsu_file_value_is_fd(o->text))
		return 0;
	return o->use == DEVKIND_LOGS ? log_add(plan, o->text, err) :
					   confine_add_path(plan, o->text, uses[o->use], err);
}

static int facts_add(struct confine_plan *plan, const struct devkind_facts *facts,
		     struct vsu_error *err)
{
	const struct devkind_opening *o;
	const char *const *socket;
	int rc = 0;

	if (is_jail(plan) && facts->peer)
		rc = confine_add_parent(plan, facts->peer, LANDLOCK_NAMES, err);
	for (o = facts->opens; !rc && o->text; o++)
		rc = opening_add(plan, o, err);
	for (socket = facts->sockets; !rc && *socket; socket++)
		rc = confine_add_parent(plan, *socket, LANDLOCK_SOCKETS, err);
	return rc;
}

/*
 * Sockets of other processes need no rule of Landlock, which does not restrict connections
 * to them. A jail needs their folder: a server that starts again makes a new socket.
 */
static int device_add(struct confine_plan *plan, const struct vmm_device_spec *spec,
		      struct vsu_error *err)
{
	struct devkind_facts facts;

	if (vmm_device_is_own(spec)) {
		facts = vmm_device_describe(spec);
		return facts_add(plan, &facts, err);
	}
	if (!is_jail(plan) || !spec->remote || spec->spawned || vsu_file_value_is_fd(spec->socket))
		return 0;
	return confine_add_parent(plan, spec->socket, LANDLOCK_NAMES, err);
}

/* --------------------------------------------------------------------- memory */

/* A file that was passed is opened again by its name, to be locked for a destination. */
static int passed_add(struct confine_plan *plan, const char *text, enum landlock_use use,
		      struct vsu_error *err)
{
	struct vsu_file_value v;
	char path[32];

	if (is_jail(plan) || vsu_file_value_read(text, &v, NULL) < 0)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", v.fd);
	return confine_add_path(plan, path, use, err);
}

static int piece_add(struct confine_plan *plan, const struct vmem_backend *piece,
		     struct vsu_error *err)
{
	const char *path = vmem_backend_text(piece, "mem-path");
	const bool reads = vmem_backend_value(piece, "readonly");

	if (vmem_backend_value(piece, "backend") == VMEM_KIND_SHM)
		return confine_add_path(plan, "/dev/shm", LANDLOCK_FULL, err);
	if (!path)
		return 0;
	if (vsu_file_value_is_fd(path))
		return passed_add(plan, path, reads ? LANDLOCK_READ_FILE : LANDLOCK_FILE, err);
	return reads ? confine_add_path(plan, path, LANDLOCK_READ, err) :
						       target_add(plan, path, err);
}

/* -------------------------------------------------------------------- options */

/* Landlock checks the files below an open folder by its path. */
static int folder_add(struct confine_plan *plan, const char *text, struct vsu_error *err)
{
	struct vsu_file_value v;
	char path[32];
	int rc = vsu_file_value_read(text, &v, err);

	if (rc < 0 || !v.has_fd)
		return rc ? rc : confine_add_path(plan, text, LANDLOCK_READ, err);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", v.fd);
	return confine_add_path(plan, path, LANDLOCK_READ, err);
}

static int serial_add(struct confine_plan *plan, const struct vmm_serial_end *end,
		      struct vsu_error *err)
{
	if (end->how == VMM_SERIAL_SOCKET)
		return confine_add_parent(plan, end->path, LANDLOCK_SOCKETS, err);
	return vsu_file_value_is_fd(end->path) ? 0 : target_add(plan, end->path, err);
}

static int option_add(struct confine_plan *plan, const struct vmm_options *o,
		      const struct vmm_option_row *row, const char *text, struct vsu_error *err)
{
	switch (row->refers) {
	case DEVKIND_REFERS_FILE_READ:
		return vsu_file_value_is_fd(text) ? 0 : confine_add_path(plan, text, LANDLOCK_READ, err);
	case DEVKIND_REFERS_FOLDER_READ:
		return folder_add(plan, text, err);
	case DEVKIND_REFERS_FILE_WRITTEN:
		return vsu_file_value_is_fd(text) ? 0 : target_add(plan, text, err);
	case DEVKIND_REFERS_SERIAL:
		return serial_add(plan, &o->machine.serial, err);
	case DEVKIND_REFERS_LOG:
		return vsu_file_value_is_fd(text) ? 0 : log_add(plan, text, err);
	case DEVKIND_REFERS_SOCKET:
		return confine_add_parent(plan, text, LANDLOCK_SOCKETS, err);
	default:
		return 0;
	}
}

static int options_add(struct confine_plan *plan, const struct vmm_options *o,
		       struct vsu_error *err)
{
	const struct vmm_option_row *row;
	const char *text;
	unsigned int i;
	int rc = 0;

	for (row = vmm_option_rows; !rc && row->option.name; row++) {
		text = vmm_option_text(o, row);
		rc = text ? option_add(plan, o, row, text, err) : 0;
	}
	for (i = 0; !rc && i < o->machine.memory.n; i++)
		rc = piece_add(plan, o->machine.memory.list[i].backend, err);
	for (i = 0; !rc && i < o->machine.ndevices; i++)
		rc = device_add(plan, &o->machine.specs[i], err);
	return rc;
}

/* ------------------------------------------------------------------------- logs */

/*
 * Creates the files of logs before the rules, which are then for these files alone and not for
 * their folders. A failure is reported when the log is opened, with its option.
 */
static void logs_create(const struct vmm_options *o)
{
	const struct devkind_opening *open;
	struct devkind_facts facts;
	unsigned int i;

	if (o->machine.serial.log)
		(void)!devkind_port_log_create(o->machine.serial.log, NULL);
	for (i = 0; i < o->machine.ndevices; i++) {
		if (!vmm_device_is_own(&o->machine.specs[i]))
			continue;
		facts = vmm_device_describe(&o->machine.specs[i]);
		for (open = facts.opens; open->text; open++)
			if (open->use == DEVKIND_LOGS)
				(void)!devkind_port_log_create(open->text, NULL);
	}
}

/* --------------------------------------------------- files that running requires */

enum { HOST, JAIL };

/*
 * Devices that the user may open, and the kernel's limits. Outside of a jail also the sizes
 * of DAX devices, the names of hosts, interfaces and terminals.
 */
static const struct { const char *path; enum landlock_use use; int where; } common[] = {
	{ "/dev/kvm", LANDLOCK_DEVICE, JAIL },
	{ "/dev/net/tun", LANDLOCK_DEVICE, HOST },
	{ "/dev/null", LANDLOCK_DEVICE, JAIL },
	{ "/dev/ptmx", LANDLOCK_DEVICE, HOST },
	{ "/dev/pts", LANDLOCK_DEVICE, HOST },
	{ "/dev/userfaultfd", LANDLOCK_DEVICE, JAIL },
	{ "/dev/vhost-net", LANDLOCK_DEVICE, JAIL },
	{ "/dev/vhost-vsock", LANDLOCK_DEVICE, JAIL },
	{ "/proc/meminfo", LANDLOCK_READ, JAIL },
	{ "/proc/sys/vm/overcommit_memory", LANDLOCK_READ, JAIL },
	{ "/sys/dev/char", LANDLOCK_READ, HOST },
	{ "/sys/devices", LANDLOCK_READ, HOST },
	{ "/sys/module/vhost/parameters", LANDLOCK_READ, JAIL },
	{ "/etc/gai.conf", LANDLOCK_READ, HOST },
	{ "/etc/host.conf", LANDLOCK_READ, HOST },
	{ "/etc/hosts", LANDLOCK_READ, HOST },
	{ "/etc/nsswitch.conf", LANDLOCK_READ, HOST },
	{ "/etc/resolv.conf", LANDLOCK_READ, HOST },
	{ "/etc/services", LANDLOCK_READ, HOST },
};

static int common_add(struct confine_plan *plan, struct vsu_error *err)
{
	size_t i;
	int fd, rc = 0;

	for (i = 0; !rc && i < sizeof(common) / sizeof(*common); i++)
		if (common[i].where == JAIL || !is_jail(plan))
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

/* Also loads the modules of disks and of encryption, which a sandbox denies. */
int vmm_confinement_files(struct confine_plan *plan, const struct vmm_options *options,
			  struct vsu_error *err)
{
	const struct vmm_sandbox_option *sandbox = &options->process.confinement;
	int rc = folders_add(plan, sandbox, err);

	if (rc < 0 || sandbox->how == VMM_SANDBOX_OFF)
		return rc;
	if (sandbox->tls)
		rc = vmm_tls_load(err);
	rc = rc ? rc : options_check(plan, options, err);
	if (!rc && !options->start.dry_run)
		logs_create(options);
	rc = rc ? rc : options_add(plan, options, err);
	return rc ? rc : common_add(plan, err);
}

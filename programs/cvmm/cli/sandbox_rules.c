/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Landlock rules from the options of a machine. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cli/sandbox_rules.h"
#include "config/device.h"
#include "config/option_rows.h"
#include "kinds/disk/module.h"
#include "base/file_value.h"

int vmm_sandbox_rules_add(struct vmm_sandbox_rules *r, int place, const char *name,
			  enum landlock_use use, struct vsu_error *err)
{
	char *copy;

	if (place < 0)
		return 0;
	copy = name ? strdup(name) : NULL;
	if (r->n == VMM_SANDBOX_RULES || (name && !copy)) {
		vsu_fd_close(&place);
		free(copy);
		return vsu_error_set(err, name && !copy ? -ENOMEM : -E2BIG,
				     "--sandbox: more than %d files and folders, or no memory for them",
				     VMM_SANDBOX_RULES);
	}
	r->names[r->n] = copy;
	r->list[r->n++] = (struct landlock_rule){ place, use };
	return 0;
}

void vmm_sandbox_rules_close(struct vmm_sandbox_rules *r)
{
	while (r->n) {
		vsu_fd_close(&r->list[--r->n].place);
		free(r->names[r->n]);
	}
}

/* ---------------------------------------------------------------------- paths */

/* O_PATH: a FIFO or a device is not opened by a rule. */
static int path_add(struct vmm_sandbox_rules *r, const char *path, enum landlock_use use,
		    struct vsu_error *err)
{
	return vmm_sandbox_rules_add(r, open(path, O_PATH | O_CLOEXEC), path, use, err);
}

static int parent_add(struct vmm_sandbox_rules *r, const char *path, enum landlock_use use,
		      struct vsu_error *err)
{
	char parent[PATH_MAX];
	char *slash;

	if (snprintf(parent, sizeof(parent), "%s", path) >= PATH_MAX)
		return 0;	/* no file has this name */
	slash = strrchr(parent, '/');
	if (slash)
		slash[slash == parent] = '\0';
	return path_add(r, slash ? parent : ".", use, err);
}

/* A file that does not exist will be created in its folder. */
static int target_add(struct vmm_sandbox_rules *r, const char *path, struct vsu_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return parent_add(r, path, LANDLOCK_FULL, err);
	return path_add(r, path, S_ISDIR(st.st_mode) ? LANDLOCK_FULL : LANDLOCK_FILE, err);
}

/* -------------------------------------------------------------------- devices */

static int opening_add(struct vmm_sandbox_rules *r, const struct vmm_device_opening *o,
		       struct vsu_error *err)
{
	static const enum landlock_use uses[] = {
		[VMM_DEVICE_READS] = LANDLOCK_READ_FILE,
		[VMM_DEVICE_WRITES] = LANDLOCK_FILE,
		[VMM_DEVICE_SHARES] = LANDLOCK_FULL,
		[VMM_DEVICE_SHARES_READ] = LANDLOCK_READ,
		[VMM_DEVICE_CREATES] = LANDLOCK_FULL,
	};

	if (prog_disk_is_address(o->text))
		return prog_disk_load(o->text, err);
	if (prog_file_value_is_fd(o->text))
		return 0;
	return path_add(r, o->text, uses[o->use], err);
}

/* The first use would fail with the cause of another namespace. */
static int refuse_outside(const char *what, struct vsu_error *err)
{
	return vsu_error_set(err, -EOPNOTSUPP, "--jail: '%s' is in the host's network or terminals, which the jail hides; add backend=spawn to the device, or pass a descriptor",
			     what);
}

static int facts_add(struct vmm_sandbox_rules *r, const struct vmm_device_facts *facts,
		     struct vsu_error *err)
{
	const struct vmm_device_opening *o;
	const char *const *socket;
	int rc = r->jail && facts->outside ? refuse_outside(facts->outside, err) : 0;

	if (!rc && r->jail && facts->peer)
		rc = parent_add(r, facts->peer, LANDLOCK_READ, err);
	for (o = facts->opens; !rc && o->text; o++)
		rc = opening_add(r, o, err);
	for (socket = facts->sockets; !rc && *socket; socket++)
		rc = parent_add(r, *socket, LANDLOCK_SOCKETS, err);
	return rc;
}

/*
 * Sockets of other processes need no rule of Landlock, which does not restrict connections
 * to them. A jail needs their folder: a server that starts again makes a new socket.
 */
static int device_add(struct vmm_sandbox_rules *r, const struct vmm_device_spec *spec,
		      struct vsu_error *err)
{
	struct vmm_device_facts facts;

	if (vmm_device_is_own(spec)) {
		facts = vmm_device_describe(spec);
		return facts_add(r, &facts, err);
	}
	if (!r->jail || !spec->remote || spec->spawned)
		return 0;
	return spec->socket[0] == '@' ? refuse_outside(spec->socket, err) :
					parent_add(r, spec->socket, LANDLOCK_READ, err);
}

/* --------------------------------------------------------------------- memory */

/* The host's physical memory, which the kernel opens for CAP_SYS_RAWIO only. */
static int check_device(const struct vmm_sandbox_rules *r, const char *path,
			struct vsu_error *err)
{
	struct stat st;

	if (!r->confined || !path || stat(path, &st) < 0 || !S_ISCHR(st.st_mode) ||
	    st.st_rdev != makedev(1, 1))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "--memory: '%s' requires CAP_SYS_RAWIO, which %s drops%s",
			     path, r->jail ? "--jail" : "--sandbox=on",
			     r->jail ? "; leave --jail out, and add --sandbox=off" : "; add --sandbox=off");
}

static int piece_add(struct vmm_sandbox_rules *r, const struct vmem_backend *piece,
		     struct vsu_error *err)
{
	const char *path = vmem_backend_text(piece, "mem-path");
	int rc = check_device(r, path, err);

	if (rc < 0)
		return rc;
	if (vmem_backend_value(piece, "backend") == VMEM_KIND_SHM)
		return path_add(r, "/dev/shm", LANDLOCK_FULL, err);
	if (!path)
		return 0;
	return vmem_backend_value(piece, "readonly") ? path_add(r, path, LANDLOCK_READ, err) :
						       target_add(r, path, err);
}

/* -------------------------------------------------------------------- options */

static int option_add(struct vmm_sandbox_rules *r, const struct vmm_option_row *row,
		      const char *text, struct vsu_error *err)
{
	switch (row->refers) {
	case PROG_REFERS_FILE_READ:
	case PROG_REFERS_FOLDER_READ:
		return path_add(r, text, LANDLOCK_READ, err);
	case PROG_REFERS_FILE_WRITTEN:
		return target_add(r, text, err);
	case PROG_REFERS_SOCKET:
		return parent_add(r, text, LANDLOCK_SOCKETS, err);
	default:
		return 0;
	}
}

static int options_add(struct vmm_sandbox_rules *r, const struct vmm_options *o,
		       struct vsu_error *err)
{
	const struct vmm_option_row *row;
	const char *text;
	unsigned int i;
	int rc = 0;

	for (row = vmm_option_rows; !rc && row->option.name; row++) {
		text = vmm_option_text(o, row);
		rc = text ? option_add(r, row, text, err) : 0;
	}
	for (i = 0; !rc && i < o->machine.memory.n; i++)
		rc = piece_add(r, o->machine.memory.list[i].backend, err);
	for (i = 0; !rc && i < o->machine.ndevices; i++)
		rc = device_add(r, &o->machine.specs[i], err);
	return rc;
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

static int common_add(struct vmm_sandbox_rules *r, struct vsu_error *err)
{
	size_t i;
	int fd, rc = 0;

	for (i = 0; !rc && i < sizeof(common) / sizeof(*common); i++)
		if (common[i].where == JAIL || !r->jail)
			rc = path_add(r, common[i].path, common[i].use, err);
	/* opened again by another name */
	for (fd = 0; !rc && fd <= STDERR_FILENO; fd++)
		rc = vmm_sandbox_rules_add(r, fcntl(fd, F_DUPFD_CLOEXEC, 0), NULL,
					   LANDLOCK_FILE, err);
	return rc;
}

/*
 * The rule refers to this /proc/self as it is open now: procfs creates another
 * inode when it is no longer in use. So it stays open.
 */
static int own_files_add(struct vmm_sandbox_rules *r, struct vsu_error *err)
{
	static int own = -1;

	if (r->jail)
		return path_add(r, "/proc/self", LANDLOCK_READ, err);
	if (own < 0)
		own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return own < 0 ? 0 :
	       vmm_sandbox_rules_add(r, fcntl(own, F_DUPFD_CLOEXEC, 0), NULL, LANDLOCK_READ,
				     err);
}

int vmm_sandbox_rules_fill(struct vmm_sandbox_rules *r, const struct vmm_options *options,
			   struct vsu_error *err)
{
	int rc = options_add(r, options, err);

	rc = rc ? rc : common_add(r, err);
	return rc ? rc : own_files_add(r, err);
}

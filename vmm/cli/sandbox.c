/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Landlock rules and capabilities from the options of a machine. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "cli/sandbox.h"
#include "devices/spawned.h"
#include "disk/module.h"
#include "landlock.h"
#include "log.h"
#include "machine/call_filters.h"
#include "privileges.h"

#define MAX_RULES 256

/* Places that are opened by name, and their descriptors. */
struct rules {
	struct landlock_rule list[MAX_RULES];
	unsigned int n;
};

/* ---------------------------------------------------------------- the option */

enum { ON, LOG, OFF, FOLDER };

static const struct vsu_option sandbox_rows[] = {
	[ON] = { .name = "on", .kind = VSU_OPTION_FLAG },
	[LOG] = { .name = "log", .kind = VSU_OPTION_FLAG },
	[OFF] = { .name = "off", .kind = VSU_OPTION_FLAG },
	[FOLDER] = { .name = "folder", .kind = VSU_OPTION_STRING, .repeat = true },
	{ .name = NULL },
};

struct choice {
	bool given[FOLDER];	/* ON, LOG, OFF */
	struct rules *rules;
};

static int place_add(struct rules *r, int place, enum landlock_use use,
		     struct vsu_error *err)
{
	if (place < 0)
		return 0;
	if (r->n == MAX_RULES) {
		vsu_fd_close(&place);
		return vsu_error_set(err, -E2BIG,
				     "--sandbox: more than %d files and folders", MAX_RULES);
	}
	r->list[r->n++] = (struct landlock_rule){ place, use };
	return 0;
}

static int take_property(void *opaque, unsigned int index,
			 const struct vsu_option_value *value,
			 struct vsu_error *err)
{
	struct choice *c = opaque;
	int place;

	if (index != FOLDER) {
		c->given[index] = value->number;
		return 0;
	}
	place = open(value->text, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (place < 0)
		return vsu_error_sys(err, -errno, "--sandbox: folder '%s'",
				     value->text);
	return place_add(c->rules, place, LANDLOCK_FULL, err);
}

/* how: ON, LOG or OFF. */
static int choice_parse(const char *list, struct rules *rules, int *how,
			struct vsu_error *err)
{
	struct choice c = { .rules = rules };
	char *scratch = strdup(list);
	int rc = scratch ? vsu_option_parse_list(sandbox_rows, "--sandbox", list,
						 scratch, strlen(list) + 1,
						 take_property, &c, err) :
			   vsu_error_set(err, -ENOMEM, "no memory for options");

	free(scratch);
	if (rc < 0)
		return rc;
	if (c.given[ON] + c.given[LOG] + c.given[OFF] != 1)
		return vsu_error_set(err, -EINVAL,
				     "--sandbox '%s': expected is on, log, off, or on,folder=FOLDER", list);
	*how = c.given[ON] ? ON : c.given[LOG] ? LOG : OFF;
	return 0;
}

/* ------------------------------------------------------------- files by options */

static int path_add(struct rules *r, const char *path, enum landlock_use use,
		    struct vsu_error *err)
{
	return place_add(r, open(path, O_PATH | O_CLOEXEC), use, err);
}

static int parent_add(struct rules *r, const char *path, enum landlock_use use,
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
static int target_add(struct rules *r, const char *path, struct vsu_error *err)
{
	struct stat st;

	if (prog_disk_is_address(path))
		return prog_disk_load(path, err);
	if (stat(path, &st) < 0)
		return parent_add(r, path, LANDLOCK_FULL, err);
	return path_add(r, path, S_ISDIR(st.st_mode) ? LANDLOCK_FULL : LANDLOCK_FILE, err);
}

static bool has_key(const char *item, const char *key)
{
	const size_t len = strlen(key);

	return !strncmp(item, key, len) && item[len] == '=';
}

/*
 * A value without a key is a file or folder of some kinds; "readonly" or
 * "tag=x" is not.
 */
static bool is_file_alone(enum vmm_device_how how, const char *item)
{
	const char *slash = strchr(item, '/'), *equals = strchr(item, '=');
	const bool may_be = how == VMM_DEVICE_DISK || how == VMM_DEVICE_FS ||
			    how == VMM_DEVICE_PMEM || how == VMM_DEVICE_ANY;

	if (!may_be || (equals && (!slash || slash > equals)))
		return false;
	return slash || access(item, F_OK) == 0;
}

/* An additional port of a console: NAME:socket:PATH. */
static int port_add(struct rules *r, const char *port, struct vsu_error *err)
{
	static const char kind[] = ":socket:";
	const char *socket = strstr(port, kind);

	return socket ? parent_add(r, socket + strlen(kind), LANDLOCK_SOCKETS, err) : 0;
}

/*
 * One "key=value" of a list, or a value alone. Sockets of other processes need
 * no rule: Landlock does not restrict connections to them.
 */
static int item_add(struct rules *r, enum vmm_device_how how, bool is_vsock,
		    const char *item, struct vsu_error *err)
{
	const char *value = strchr(item, '=');

	if (has_key(item, "socket") || has_key(item, "seqpacket-path") ||
	    (is_vsock && has_key(item, "path")))
		return parent_add(r, value + 1, LANDLOCK_SOCKETS, err);
	if (has_key(item, "port"))
		return port_add(r, value + 1, err);
	if (has_key(item, "path") || has_key(item, "mem-path") || has_key(item, "overlay"))
		return target_add(r, value + 1, err);
	if (!strcmp(item, "snapshot") || !strcmp(item, "snapshot=on"))
		return path_add(r, prog_disk_folder(), LANDLOCK_FULL, err);
	if (!strcmp(item, "backend=shm"))
		return path_add(r, "/dev/shm", LANDLOCK_FULL, err);
	return is_file_alone(how, item) ? target_add(r, item, err) : 0;
}

/* A comma in a value is doubled. Returns the next item, or NULL. */
static char *item_cut(char *item)
{
	char *to = item;

	while (*item && (*item != ',' || item[1] == ',')) {
		item += *item == ',';
		*to++ = *item++;
	}
	item = *item ? item + 1 : NULL;
	*to = '\0';
	return item;
}

static int list_add(struct rules *r, enum vmm_device_how how, const char *list,
		    struct vsu_error *err)
{
	const bool is_vsock = how == VMM_DEVICE_VSOCK ||
			      !strncmp(list, "vsock", strlen("vsock"));
	char *copy = strdup(list), *item = copy, *next;
	int rc = copy ? 0 : vsu_error_set(err, -ENOMEM, "no memory for options");

	while (!rc && item) {
		next = item_cut(item);
		rc = item_add(r, how, is_vsock, item, err);
		item = next;
	}
	free(copy);
	return rc;
}

static int device_add(struct rules *r, const struct vmm_device_option *d,
		      struct vsu_error *err)
{
	return d->how == VMM_DEVICE_DISK_PATH ? target_add(r, d->list, err) : list_add(r, d->how, d->list, err);
}

static int serial_add(struct rules *r, const char *serial,
		      struct vsu_error *err)
{
	if (!serial || !strcmp(serial, "stdio") || !strcmp(serial, "null"))
		return 0;
	return target_add(r, serial, err);
}

static int options_add(struct rules *r, const struct vmm_options *o,
		       struct vsu_error *err)
{
	const char *const read[] = { o->kernel, o->initrd, o->from };
	unsigned int i;
	int rc = serial_add(r, o->serial, err);

	for (i = 0; !rc && i < sizeof(read) / sizeof(*read); i++)
		rc = read[i] ? path_add(r, read[i], LANDLOCK_READ, err) : 0;
	if (!rc && o->control && strncmp(o->control, "fd:", 3) != 0)
		rc = parent_add(r, o->control, LANDLOCK_SOCKETS, err);
	for (i = 0; !rc && i < o->memory.n; i++)
		rc = list_add(r, VMM_DEVICE_MEM, o->memory.lists[i], err);
	for (i = 0; !rc && i < o->ndevices; i++)
		rc = vmm_device_is_spawned(&o->devices[i]) ? 0 : device_add(r, &o->devices[i], err);
	return rc;
}

/* --------------------------------------------------- files that running requires */

/*
 * Devices that the user may open, the kernel's limits, the sizes of DAX devices,
 * the names of hosts.
 */
static const struct { const char *path; enum landlock_use use; } common[] = {
	{ "/dev/kvm", LANDLOCK_DEVICE },
	{ "/dev/net/tun", LANDLOCK_DEVICE },
	{ "/dev/null", LANDLOCK_DEVICE },
	{ "/dev/ptmx", LANDLOCK_DEVICE },
	{ "/dev/pts", LANDLOCK_DEVICE },
	{ "/dev/userfaultfd", LANDLOCK_DEVICE },
	{ "/dev/vhost-net", LANDLOCK_DEVICE },
	{ "/dev/vhost-vsock", LANDLOCK_DEVICE },
	{ "/proc/meminfo", LANDLOCK_READ },
	{ "/proc/sys/vm/overcommit_memory", LANDLOCK_READ },
	{ "/sys/dev/char", LANDLOCK_READ },
	{ "/sys/devices", LANDLOCK_READ },
	{ "/sys/module/vhost/parameters", LANDLOCK_READ },
	{ "/etc/gai.conf", LANDLOCK_READ },
	{ "/etc/host.conf", LANDLOCK_READ },
	{ "/etc/hosts", LANDLOCK_READ },
	{ "/etc/nsswitch.conf", LANDLOCK_READ },
	{ "/etc/resolv.conf", LANDLOCK_READ },
	{ "/etc/services", LANDLOCK_READ },
};

static int common_add(struct rules *r, struct vsu_error *err)
{
	size_t i;
	int fd, rc = 0;

	for (i = 0; !rc && i < sizeof(common) / sizeof(*common); i++)
		rc = path_add(r, common[i].path, common[i].use, err);
	/* opened again by another name */
	for (fd = 0; !rc && fd <= STDERR_FILENO; fd++)
		rc = place_add(r, fcntl(fd, F_DUPFD_CLOEXEC, 0), LANDLOCK_FILE, err);
	return rc;
}

/*
 * The rule refers to this /proc/self as it is open now: procfs creates another
 * inode when it is no longer in use. So it stays open.
 */
static int own_files_add(struct rules *r, struct vsu_error *err)
{
	static int own = -1;

	if (own < 0)
		own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return own < 0 ? 0 : place_add(r, fcntl(own, F_DUPFD_CLOEXEC, 0), LANDLOCK_READ, err);
}

/* ------------------------------------------------------------------------ lock */

/* Of any user's files, of memory that is not swapped; then by device. */
#define COMMON_CAPABILITIES						\
	(UINT64_C(1) << CAP_CHOWN | UINT64_C(1) << CAP_DAC_OVERRIDE |	\
	 UINT64_C(1) << CAP_IPC_LOCK)
#define NET_CAPABILITIES (UINT64_C(1) << CAP_NET_ADMIN)
#define FOLDER_CAPABILITIES						\
	(UINT64_C(1) << CAP_FOWNER | UINT64_C(1) << CAP_FSETID | UINT64_C(1) << CAP_SETGID | \
	 UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_MKNOD | UINT64_C(1) << CAP_SETFCAP)

static bool is_served_here(const struct vmm_device_option *d, enum vmm_device_how how)
{
	return !vmm_device_is_spawned(d) && (d->how == how || d->how == VMM_DEVICE_ANY);
}

static uint64_t kept_capabilities(const struct vmm_options *o)
{
	uint64_t keep = COMMON_CAPABILITIES;
	unsigned int i;

	for (i = 0; i < o->ndevices; i++) {
		if (is_served_here(&o->devices[i], VMM_DEVICE_NET))
			keep |= NET_CAPABILITIES;
		if (is_served_here(&o->devices[i], VMM_DEVICE_FS))
			keep |= FOLDER_CAPABILITIES;
	}
	return keep;
}

/* A coverage build writes its counter files at exit. */
static int files_narrow(const struct rules *r)
{
#ifdef UNDER_COVERAGE
	(void)r;
	return -EOPNOTSUPP;
#else
	return landlock_narrow(r->list, r->n, true);
#endif
}

/* A sanitizer's search for leaks traces the process. */
static void forbid_tracing(void)
{
#ifndef UNDER_SANITIZER
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
}

static int rights_drop(const struct vmm_options *options,
		       const struct rules *rules, struct vsu_error *err)
{
	int rc = confine_capabilities(kept_capabilities(options), err);

	if (rc < 0)
		return rc;
	forbid_tracing();
	rc = files_narrow(rules);
	if (rc == -EOPNOTSUPP || rc == -ENOSYS) {
		prog_log(PROG_LOG_WARNING, "sandbox",
			 "--sandbox: files are not restricted: this kernel or build has no Landlock");
		return 0;
	}
	return rc < 0 ? vsu_error_sys(err, rc, "--sandbox: Landlock") : 0;
}

static int rules_fill(struct rules *r, const struct vmm_options *options,
		      struct vsu_error *err)
{
	int rc = options_add(r, options, err);

	rc = rc ? rc : common_add(r, err);
	return rc ? rc : own_files_add(r, err);
}

int vmm_sandbox_lock(const struct vmm_options *options, struct vsu_error *err)
{
	struct rules rules = { .n = 0 };
	int how = OFF;
	int rc = options->sandbox ? choice_parse(options->sandbox, &rules, &how, err) : 0;

	if (!rc && how == ON)
		rc = rules_fill(&rules, options, err);
	if (!rc && how == ON)
		rc = rights_drop(options, &rules, err);
	if (!rc && how != OFF)
		rc = vmm_call_filters_start(how == ON ? CALL_FILTER_FAIL : CALL_FILTER_LOG, err);
	while (rules.n)
		vsu_fd_close(&rules.list[--rules.n].place);
	return rc;
}

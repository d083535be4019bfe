/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes an initrd of a program and modules. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/text.h>

#include "initrd/archive.h"
#include "initrd/compressed.h"
#include "initrd/names.h"
#include "vm-agent/initrd.h"

#define CONSOLE_MAJOR 5
#define CONSOLE_MINOR 1
#define MAX_NAME 256

static const char *const drivers[] = {
	"virtio_pci", "virtio_mmio", "virtio_blk", "virtio_net", "virtio_console", "virtio_rng",
	"virtio_balloon", "virtio_mem", "virtiofs", "vmw_vsock_virtio_transport", "virtio_pmem",
	"nd_pmem", "overlay", "pvpanic_mmio", NULL,
};

/* The kinds of devices that the drivers serve, in the same order. */
static const char *const kinds[] = {
	"", "", "blk", "net", "console", "rng", "balloon", "mem", "fs", "vsock", "pmem",
};

const char *vagent_initrd_driver(const char *kind)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (*kind && !strcmp(kinds[i], kind))
			return drivers[i];
	return NULL;
}

const char *const *vagent_initrd_file_systems(void)
{
	static const char *const names[] = {
		"ext4", "nls_cp437", "nls_ascii", "nls_iso8859-1", "nls_utf8", "vfat", "xfs", "btrfs", NULL,
	};

	return names;
}

const char *const *vagent_initrd_drivers(void)
{
	return drivers;
}

int vagent_initrd_folder(const char *version, char folder[VAGENT_INITRD_FOLDER], struct vsu_error *err)
{
	static const char *const roots[] = { "/lib/modules", "/usr/lib/modules" };
	unsigned int i;

	if (!*version || *version == '.' || strchr(version, '/') || strlen(version) > 128)
		return vsu_error_set(err, -EINVAL, "'%s' is not the version of a kernel, such as 6.1.0-13-amd64 (uname -r)", version);
	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(folder, VAGENT_INITRD_FOLDER, "%s/%s", roots[i], version);
		if (!access(folder, X_OK))
			return 0;
	}
	vsu_error_set(err, -ENOENT, "no modules of kernel %s in /lib/modules", version);
	return vsu_error_operands(err, VAGENT_ADVICE_NO_MODULES, 0, 0), -ENOENT;
}

/* --------------------------------------------------------------- the archive */

static int add_init(struct vagent_priv_archive *a, const char *path, struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;
	uint64_t size;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open the guest's first program '%s'", path);
	rc = vsu_fd_kind(fd) == VSU_FD_REGULAR ? vsu_fd_size(fd, &size) : -ENODEV;
	if (!rc)
		vagent_priv_archive_copy(a, "init", 0755, fd, size);
	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_sys(err, rc, "the guest's first program '%s'", path) : 0;
}

static int add_module(struct vagent_priv_archive *a, const struct vagent_priv_modules *modules,
		      const struct vagent_priv_module *module, const char *name, struct vsu_error *err)
{
	char entry[MAX_NAME];
	uint64_t size;
	int fd = vagent_priv_module_open(modules, module, &size, err);

	if (fd < 0)
		return fd;
	snprintf(entry, sizeof(entry), "modules/%s", name);
	vagent_priv_archive_copy(a, entry, 0644, fd, size);
	vsu_fd_close(&fd);
	return 0;
}

/* When the first process loads it, and whether that may fail. */
static const char *need_of(const struct vagent_priv_module *module, bool later)
{
	return later ? "later" : module->optional ? "optional" : "required";
}

/* A list as a file of the archive. */
static int begin_list(struct vsu_text *list, struct vsu_error *err)
{
	return vsu_text_open(list) < 0 ? vsu_error_set(err, -ENOMEM, "no memory for an initrd") : 0;
}

/* rc: of what was written to the list; without a failure it is added. */
static int end_list(struct vsu_text *list, struct vagent_priv_archive *a, const char *name, int rc, struct vsu_error *err)
{
	if (vsu_text_close(list) < 0)
		return rc < 0 ? rc : vsu_error_set(err, -ENOMEM, "no memory for an initrd");
	if (!rc)
		vagent_priv_archive_file(a, name, 0644, list->bytes, list->len);
	free(list->bytes);
	return rc;
}

/* The modules, and the list of them. The first ones are loaded at the start. */
static int add_modules(struct vagent_priv_archive *a, const struct vagent_priv_modules *modules, unsigned int first,
		       struct vsu_error *err)
{
	const struct vagent_priv_module *module;
	char name[MAX_NAME - 16];
	struct vsu_text order;
	unsigned int i;
	int rc = begin_list(&order, err);

	if (rc < 0)
		return rc;
	for (i = 0; !rc && (module = vagent_priv_modules_get(modules, i)); i++) {
		const char *slash = strrchr(module->path, '/');

		snprintf(name, sizeof(name), "%03u-%s", i, slash ? slash + 1 : module->path);
		fprintf(order.to, "%s %s\n", need_of(module, i >= first), name);
		rc = add_module(a, modules, module, name, err);
	}
	return end_list(&order, a, "modules/order", rc, err);
}

static int add_names(struct vagent_priv_archive *a, const struct vagent_initrd *initrd, struct vsu_error *err)
{
	struct vsu_text names;
	const int rc = begin_list(&names, err);

	if (rc < 0)
		return rc;
	vagent_priv_names_write(names.to, initrd);
	return end_list(&names, a, VAGENT_INITRD_NAMES, 0, err);
}

static int fill_archive(int fd, const struct vagent_initrd *initrd, const struct vagent_priv_modules *modules,
			unsigned int first, struct vsu_error *err)
{
	static const char *const folders[] = { "dev", "proc", "sys", "root", "modules" };
	struct vagent_priv_archive a = { .fd = fd };
	unsigned int i;
	int rc;

	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		vagent_priv_archive_folder(&a, folders[i]);
	vagent_priv_archive_device(&a, "dev/console", CONSOLE_MAJOR, CONSOLE_MINOR);
	rc = add_init(&a, initrd->init, err);
	if (!rc)
		rc = add_modules(&a, modules, first, err);
	if (!rc)
		rc = add_names(&a, initrd, err);
	return rc < 0 ? rc : vagent_priv_archive_end(&a, err);
}

static int select_all(struct vagent_priv_modules *m, const char *const *names, enum vagent_priv_module_need need,
		      struct vsu_error *err)
{
	int rc = 0;

	while (!rc && names && *names)
		rc = vagent_priv_modules_select(m, *names++, need, err);
	return rc;
}

static int make_file(const struct vagent_initrd *initrd, const struct vagent_priv_modules *modules,
		     unsigned int first, int *out, struct vsu_error *err)
{
	int fd = memfd_create("initrd", MFD_CLOEXEC | MFD_ALLOW_SEALING), rc;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "no memory for an initrd");
	rc = fill_archive(fd, initrd, modules, first, err);
	if (!rc && (lseek(fd, 0, SEEK_SET) < 0 ||
		    fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
		rc = vsu_error_sys(err, -errno, "cannot seal the initrd");
	if (rc < 0)
		vsu_fd_close(&fd);
	else
		*out = fd;
	return rc;
}

static unsigned int count_modules(const struct vagent_priv_modules *m)
{
	unsigned int n = 0;

	while (vagent_priv_modules_get(m, n))
		n++;
	return n;
}

static int select_and_make(struct vagent_priv_modules *m, const struct vagent_initrd *initrd, int *fd,
			   struct vsu_error *err)
{
	bool unknown = false;
	unsigned int first;
	int rc = select_all(m, initrd->names, VAGENT_MODULE_REQUIRED, err);

	if (!rc)
		rc = select_all(m, initrd->others, VAGENT_MODULE_IF_PRESENT, err);
	first = count_modules(m);
	if (!rc)
		rc = vagent_priv_modules_check_compressed(m, first, initrd->modules, initrd->boot, &unknown, err);
	if (!rc)
		rc = select_all(m, initrd->later, VAGENT_MODULE_IF_PRESENT, err);
	if (!rc)
		rc = make_file(initrd, m, first, fd, err);
	if (!rc && initrd->may_fail)
		*initrd->may_fail = unknown;
	if (!rc && initrd->compressed)
		*initrd->compressed = vagent_priv_modules_have_compressed(m, first);
	return rc;
}

/* Returns 0 without initrd->like. The caller frees names in each case. */
static int read_like(struct vagent_initrd *initrd, struct vagent_priv_names *names, struct vsu_error *err)
{
	int rc;

	names->text = NULL;
	if (!initrd->like)
		return 0;
	if (initrd->names || initrd->others || initrd->later)
		return vsu_error_set(err, -EINVAL, "the names of modules are those of '%s', and others were passed", initrd->like);
	rc = vagent_priv_names_read(names, initrd->like, err);
	initrd->names = names->required;
	initrd->others = names->optional;
	initrd->later = names->later;
	return rc;
}

static int make_of_names(const struct vagent_initrd *initrd, int *fd, struct vsu_error *err)
{
	struct vagent_priv_modules *m;
	int rc = vagent_priv_modules_open(&m, initrd->modules, err);

	if (rc < 0)
		return rc;
	rc = select_and_make(m, initrd, fd, err);
	vagent_priv_modules_free(m);
	return rc;
}

int vagent_initrd_make(const struct vagent_initrd *given, int *fd, struct vsu_error *err)
{
	struct vagent_priv_names names;
	struct vagent_initrd initrd;
	int rc = vsu_copy_sized(&initrd, sizeof(initrd), given, "struct vagent_initrd", err);

	if (rc < 0)
		return rc;
	if (!initrd.init)
		return vsu_error_set(err, -EINVAL, "the initrd has no first program");
	if (initrd.modules && !strcmp(initrd.modules, "none"))
		initrd.modules = NULL;
	rc = read_like(&initrd, &names, err);
	if (!rc)
		rc = make_of_names(&initrd, fd, err);
	vagent_priv_names_free(&names);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds and loads disk modules. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <device-kinds/disk.h>
#include <vmm-sys-util/module.h>

#include "disk/module.h"

/* The folder of the build system; programs that compile the sources have no modules. */
#ifndef MODULES_DIR
#define MODULES_DIR "/usr/lib/c-vmm"
#endif

static const struct vsu_module nbd = {
	.file = "disk-nbd.so", .folder = MODULES_DIR, .variable = "CVMM_MODULES",
	.version = PACKAGE_VERSION, .symbol = DEVKIND_PRIV_DISK_MODULE_SYMBOL,
	.subject = "NBD disks", .package = "cvmm-disk-nbd", .library = "libnbd",
};

/* TLS requires keys; nbdkit has options for them. */
static const struct scheme {
	const char *prefix;
	const struct vsu_module *module;
	const char *remedy;
} schemes[] = {
	{ "nbd://", &nbd, NULL },
	{ "nbd+unix://", &nbd, NULL },
	{ "nbds://", NULL, "run nbdkit -U SOCKET nbd 'uri=nbds://...' and name nbd+unix:///?socket=SOCKET" },
	{ "nbds+unix://", NULL, "run nbdkit -U SOCKET nbd 'uri=nbds+unix://...' and name nbd+unix:///?socket=SOCKET" },
	{ NULL, NULL, NULL },
};

static const struct scheme *scheme_of(const char *text)
{
	const struct scheme *s = schemes;

	while (s->prefix && strncmp(text, s->prefix, strlen(s->prefix)))
		s++;
	return s->prefix ? s : NULL;
}

const char *devkind_priv_disk_folder(void)
{
	const char *folder = getenv("TMPDIR");

	return folder && *folder ? folder : "/var/tmp";
}

bool devkind_disk_is_address(const char *text)
{
	return scheme_of(text) != NULL;
}

int devkind_disk_load(const char *address, struct vsu_error *err)
{
	const struct scheme *scheme = scheme_of(address);
	const void *module;

	return scheme && scheme->module ?
	       vsu_module_load(scheme->module, &module, err) : 0;
}

static int make_disk(const struct devkind_priv_disk_made *made,
		     struct virtdev_disk **out, struct vsu_error *err)
{
	int rc = virtdev_disk_new(made->ops, &made->info, made->self, out);

	if (rc < 0) {
		made->ops->free(made->self);
		return vsu_error_sys(err, rc, "cannot make a disk");
	}
	return 0;
}

int devkind_priv_disk_open(const struct devkind_priv_disk_want *want,
			   struct virtdev_disk **out, struct vsu_error *err)
{
	const struct scheme *scheme = scheme_of(want->address);
	const struct devkind_priv_disk_module *module;
	const void *loaded = NULL;
	struct devkind_priv_disk_made made = { 0 };
	int rc;

	if (!scheme || !scheme->module)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "'%s' is not an address of a disk; %s",
				     want->address, scheme ? scheme->remedy :
				     "nbd:// and nbd+unix:// are supported");
	rc = vsu_module_load(scheme->module, &loaded, err);
	module = loaded;
	if (rc >= 0)
		rc = module->open(want, &made, err);
	return rc < 0 ? rc : make_disk(&made, out, err);
}

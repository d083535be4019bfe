/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds and loads disk modules. */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disk/module.h"

/* TLS requires keys; nbdkit has options for them. */
static const struct scheme {
	const char *prefix, *module, *remedy;
} schemes[] = {
	{ "nbd://", "disk-nbd.so", NULL },
	{ "nbd+unix://", "disk-nbd.so", NULL },
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

bool prog_disk_is_address(const char *text)
{
	return scheme_of(text) != NULL;
}

static int module_load(const char *name, const struct prog_disk_module **out,
		struct vsu_error *err)
{
	const char *folder = secure_getenv("CVMM_MODULES");
	char path[PATH_MAX];
	void *module;
	int len = snprintf(path, sizeof(path), "%s/%s",
			   folder ? folder : MODULES_DIR, name);

	if (len < 0 || len >= (int)sizeof(path))
		return vsu_error_set(err, -ENAMETOOLONG,
				     "CVMM_MODULES names a path that is too long");
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!module)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the module for NBD disks cannot be loaded; install the package cvmm-disk-nbd, or build with libnbd (%s)",
				     dlerror());
	*out = dlsym(module, PROG_DISK_MODULE_SYMBOL);
	if (!*out || strcmp((*out)->version, PACKAGE_VERSION))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s is not of version %s, as this program is",
				     path, PACKAGE_VERSION);
	return 0;
}

static int make_disk(const struct prog_disk_made *made,
		     struct virtdev_disk **out, struct vsu_error *err)
{
	int rc = virtdev_disk_new(made->ops, &made->info, made->self, out);

	if (rc < 0) {
		made->ops->free(made->self);
		return vsu_error_sys(err, rc, "cannot make a disk");
	}
	return 0;
}

int prog_disk_open(const struct prog_disk_want *want,
		   struct virtdev_disk **out, struct vsu_error *err)
{
	const struct scheme *scheme = scheme_of(want->address);
	const struct prog_disk_module *module;
	struct prog_disk_made made = { 0 };
	int rc;

	if (!scheme || !scheme->module)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "no disk can be had by '%s'; %s",
				     want->address, scheme ? scheme->remedy :
				     "nbd:// and nbd+unix:// are known");
	rc = module_load(scheme->module, &module, err);
	if (rc >= 0)
		rc = module->open(want, &made, err);
	return rc < 0 ? rc : make_disk(&made, out, err);
}

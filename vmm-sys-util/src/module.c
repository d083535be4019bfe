/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Loads modules. */
#include <config.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/module.h>

int vsu_module_load(const struct vsu_module *m, const void **out,
		    struct vsu_error *err)
{
	const char *folder = m->variable ? secure_getenv(m->variable) : NULL;
	char path[PATH_MAX];
	void *module;
	int len = snprintf(path, sizeof(path), "%s/%s",
			   folder ? folder : m->folder, m->file);

	if (len < 0 || len >= (int)sizeof(path))
		return vsu_error_set(err, -ENAMETOOLONG,
				     "the path of the module for %s is too long", m->subject);
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!module)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the module for %s cannot be loaded; install the package %s, or build with %s (%s)",
				     m->subject, m->package, m->library, dlerror());
	*out = dlsym(module, m->symbol);
	if (!*out || strcmp(*(const char *const *)*out, m->version))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "%s is not of this program's version, %s",
				     path, m->version);
	return 0;
}

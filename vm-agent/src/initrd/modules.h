/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The modules of one kernel, and those that a machine needs in the order in which they are
 * loaded: dependencies (modules.dep), soft dependencies (modules.softdep), names of built-in
 * modules (modules.builtin) and aliases without wildcards (modules.alias).
 *
 * The files are written by depmod(8), but none of their contents is trusted: sizes, the depth and
 * the number of modules are limited, and a path cannot leave the folder, neither by its text nor by
 * symbolic links. Only links in the host's own folders of modules may lead elsewhere (folder_file.h).
 */
#ifndef VMM_INITRD_MODULES_H
#define VMM_INITRD_MODULES_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#define VAGENT_MODULES_MAX 256	/* that are selected */
#define VAGENT_MODULES_DEPTH 32	/* of dependencies */

struct vagent_priv_modules;

struct vagent_priv_module {
	char *path;		/* below the folder: "kernel/fs/fuse/fuse.ko.xz" */
	bool optional;		/* the guest may fail to load it: a soft dependency, or an alias of several */
};

/* How much a selection requires its module. */
enum vagent_priv_module_need {
	VAGENT_MODULE_REQUIRED,	/* a module of the folder, or a built-in one */
	VAGENT_MODULE_IF_PRESENT,	/* absent ones are ignored */
};

/*
 * folder: "/lib/modules/VERSION"; -ENOENT: the folder or its modules.dep does not exist.
 * NULL: a kernel without modules, which has everything built in.
 */
int vagent_priv_modules_open(struct vagent_priv_modules **out, const char *folder, struct vsu_error *err);
void vagent_priv_modules_free(struct vagent_priv_modules *m);

/*
 * Adds a module, or the modules of an alias, after their dependencies, unless they are selected.
 * "-" and "_" in names are the same. -ENOENT: the kernel has no such module; -EBADMSG: the files
 * are damaged: a cycle, a path outside of the folder, a dependency without a line; -E2BIG: too many
 * modules. After a failure the selection is incomplete.
 */
int vagent_priv_modules_select(struct vagent_priv_modules *m, const char *name, enum vagent_priv_module_need need,
		       struct vsu_error *err);

/* Modules in the order of loading. NULL: i is the number of modules or more. */
const struct vagent_priv_module *vagent_priv_modules_get(const struct vagent_priv_modules *m, unsigned int i);

/*
 * The descriptor of an opened module, and its size. Errors of vagent_priv_folder_file_open(); -EBADMSG: not
 * a regular file, or empty.
 */
int vagent_priv_module_open(const struct vagent_priv_modules *m, const struct vagent_priv_module *module, uint64_t *size,
		    struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Modules: parts of a program that depend on further libraries, so that the program
 * runs without them. They are shared objects in a folder of the program.
 *
 * A module exports one struct, whose first member is the text of its version, and
 * stays loaded until the program ends.
 *
 * Threads: any.
 */
#ifndef VMM_SYS_UTIL_MODULE_H
#define VMM_SYS_UTIL_MODULE_H

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vsu_module {
	const char *file;	/* "disk-nbd.so" */
	const char *folder;	/* where it is installed */
	/* An environment variable with another folder, which set-user-ID programs ignore. */
	const char *variable;
	const char *version;	/* of the program and its module */
	const char *symbol;	/* of the struct */
	const char *subject;	/* for messages: "NBD disks" */
	const char *package, *library; /* to install or build with, for messages */
};

/* Sets *out to the module's struct. -EOPNOTSUPP: it cannot be loaded or has another version. */
VSU_API int vsu_module_load(const struct vsu_module *m, const void **out,
			    struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Modules: parts of a program that depend on further libraries, so that the program
 * runs without them. They are loaded from the installed module folder, or from the one
 * that CVMM_MODULES names.
 *
 * A module exports one struct, whose first member is its version (PACKAGE_VERSION), and
 * stays loaded until the program ends.
 *
 * Threads: any.
 */
#ifndef VMM_BASE_MODULE_LOADER_H
#define VMM_BASE_MODULE_LOADER_H

#include <vmm-sys-util/error.h>

struct vmm_module {
	const char *file;	/* "disk-nbd.so" */
	const char *symbol;	/* of the struct */
	const char *subject;	/* for messages: "NBD disks" */
	const char *package, *library; /* to install or build with, for messages */
};

/* *out is the struct. -EOPNOTSUPP: it is not installed or has another version. */
int vmm_module_load(const struct vmm_module *m, const void **out,
		    struct vsu_error *err);

#endif

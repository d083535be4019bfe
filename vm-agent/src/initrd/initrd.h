/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An initrd in memory: our first process (agent/), and the modules that a kernel needs for the
 * devices of a machine. Nothing is written to the host's file systems.
 *
 *	init              the program
 *	dev/console       which Linux opens for it
 *	modules/N-NAME    in the order of loading, compressed ones as they are
 *	modules/order     "required N-NAME", "optional N-NAME" or "later N-NAME" per line
 *	modules/names     the names that were given (names.h)
 *
 * Threads: no state.
 */
#ifndef VMM_INITRD_INITRD_H
#define VMM_INITRD_INITRD_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "initrd/modules.h"

struct vmm_initrd {
	const char *init;	/* path of a static program */
	const char *modules;	/* folder of the kernel's modules; "none" or NULL: all are built in */
	const char *const *names; /* required modules; a NULL ends them */
	const char *const *others; /* those that are included if present; a NULL ends them */
	/*
	 * Included if present, and loaded only when the first process needs one, with those before it; a
	 * NULL ends them. NULL: none.
	 */
	const char *const *later;
	const char *boot;	/* folder of kernels and their configurations, or NULL */
	bool *may_fail;		/* set if it is unknown whether the kernel can load compressed modules; or NULL */
};

/*
 * *fd receives a sealed memfd, positioned at 0, which the caller closes. -ENOENT: a file or a
 * required module does not exist; -EOPNOTSUPP: the kernel cannot load compressed modules; errors of
 * vmm_modules_select() and vmm_archive_end().
 */
int vmm_initrd_make(const struct vmm_initrd *initrd, int *fd, struct vsu_error *err);

#define VMM_INITRD_FOLDER 256

/*
 * The folder of a kernel's modules: /lib/modules/VERSION, or below /usr. -EINVAL: the version
 * is no name of a folder; -ENOENT: neither exists.
 */
int vmm_initrd_folder(const char *version, char folder[VMM_INITRD_FOLDER], struct vsu_error *err);

/* The driver of a kind of device ("blk"), or NULL. */
const char *vmm_initrd_driver(const char *kind);

/* Of disk images, in the order of their cost: each is loaded with those before it; a NULL ends them. */
extern const char *const vmm_initrd_file_systems[];

/* All drivers, and what the first process uses besides; a NULL ends them. */
extern const char *const vmm_initrd_drivers[];

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An initrd in memory: the first process of a guest, and the modules that its kernel needs for the
 * devices of the machine. Nothing is written to the host's file systems.
 *
 *	init              the program
 *	dev/console       which Linux opens for it
 *	modules/N-NAME    in the order of loading, compressed ones as they are
 *	modules/order     "required N-NAME", "optional N-NAME" or "later N-NAME" per line
 *	modules/names     the names that were given: "required NAME", "optional NAME" or "later NAME" per line
 *
 * Threads: no state.
 */
#ifndef VM_AGENT_INITRD_H
#define VM_AGENT_INITRD_H

#include <stdbool.h>
#include <stddef.h>

#include <vm-agent/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Remedies of failures, which depend on the program: the sentence of a struct vsu_error states the fact, and its
 * member arg is one of these, so that the program can add advice.
 */
enum vagent_advice {
	VAGENT_ADVICE_KERNEL = 0x76610001, /* the file of a kernel */
	VAGENT_ADVICE_NO_MODULES, /* the folder of its modules, or that it needs none */
};

#define VAGENT_KERNEL_PATH 512

/*
 * Finds the kernel that this host runs, or else the newest readable one: vmlinuz-VERSION in boot,
 * or VERSION/vmlinuz in modules ("/boot", "/lib/modules"). -ENOENT: there is none.
 */
VAGENT_API int vagent_host_kernel(const char *boot, const char *modules, char path[VAGENT_KERNEL_PATH],
				  struct vsu_error *err) VSU_NODISCARD;

/* The path of the file of names in an initrd. */
#define VAGENT_INITRD_NAMES "modules/names"

/* The content of an initrd. All is borrowed. */
struct vagent_initrd {
	size_t size;		/* sizeof(struct vagent_initrd); not 0 */
	const char *init;	/* path of a static program */
	const char *modules;	/* folder of the kernel's modules; "none" or NULL: all are built in */
	const char *const *names; /* required modules; a NULL ends them */
	const char *const *others; /* modules that are included if present; a NULL ends them */
	/*
	 * Modules that are included if present. The first process loads one when it needs it, after those
	 * before it. A NULL ends them; NULL: none.
	 */
	const char *const *later;
	const char *boot;	/* folder of kernels and their configurations, or NULL */
	bool *may_fail;		/* set if it is unknown whether the kernel can load compressed modules; or NULL */
	/*
	 * The path of the file of names of another initrd: its names in place of names, others and later; or NULL.
	 * A first process makes an initrd of another kernel by it.
	 */
	const char *like;
	bool *compressed;	/* set if a module of names or later, or that these need, is compressed; or NULL */
};

/*
 * Makes an initrd. *fd receives a sealed memfd, positioned at 0, which the caller closes. -EINVAL: its size,
 * init is NULL, or names besides like; -ENOENT: a file or a required module does not exist; -EOPNOTSUPP: the kernel cannot load compressed modules;
 * -EBADMSG: the files of depmod(8) or the names of like are damaged, or a file was truncated; -E2BIG: more than 256 modules;
 * -EFBIG: it would exceed 1 GiB; errors of open(), read() and write().
 */
VAGENT_API int vagent_initrd_make(const struct vagent_initrd *initrd, int *fd, struct vsu_error *err) VSU_NODISCARD;

#define VAGENT_INITRD_FOLDER 256

/*
 * Finds the folder of a kernel's modules: /lib/modules/VERSION or /usr/lib/modules/VERSION.
 * -EINVAL: the version is no name of a folder; -ENOENT: neither folder exists.
 */
VAGENT_API int vagent_initrd_folder(const char *version, char folder[VAGENT_INITRD_FOLDER], struct vsu_error *err) VSU_NODISCARD;

/* Returns the module that drives a kind of device ("blk"), or NULL. */
VAGENT_API const char *vagent_initrd_driver(const char *kind);

/* Lists drivers of the file systems of disk images for the member later, cheap ones first. A NULL ends them. */
VAGENT_API const char *const *vagent_initrd_file_systems(void);

/* Lists the drivers of all kinds of devices, and other modules that the first process uses. A NULL ends them. */
VAGENT_API const char *const *vagent_initrd_drivers(void);

VSU_END_DECLS

#endif

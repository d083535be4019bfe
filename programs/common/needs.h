/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Everything on this host that a machine with Linux needs, checked before it is made: one
 * sentence names all that is missing, and the packages that have it.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_NEEDS_H
#define VMM_COMMON_NEEDS_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include <cvmm/configuration.h>

struct vmm_needs {
	const char *kernel;	/* of --kernel; NULL: one of this host */
	const char *modules;	/* of --modules; NULL: the kernel's */
	bool emulates;		/* with --emulate */
	bool may_emulate;	/* the command has --emulate */
	/* of the host; NULL: its own. For tests */
	const char *kvm, *boot, *module_folder, *release, *path;
};

/* -EOPNOTSUPP: *err names what is missing. */
int vmm_needs_check(const struct vmm_needs *needs, struct vsu_error *err);

/*
 * Whether a file can be a disk image that exists: -ENOENT names what may have been meant.
 * option: "option --image: ", or "".
 */
int vmm_needs_image(const char *path, const char *option, struct vsu_error *err);

/* Whether the installed first program of guests that boot images exists, which another package has: -ENOENT. */
int vmm_needs_boot_init(const char *init, const char *option, struct vsu_error *err);

/* If *err is about a command that was not found in the guest, and is the name of an image: adds what to do. */
void vmm_needs_explain_command(const char *command, struct vsu_error *err);

/* If *err is about a kernel or disk of run that is no file: replaces it by what may have been meant. */
void vmm_needs_explain(const struct cvmm_configuration *c, struct vsu_error *err);

#endif

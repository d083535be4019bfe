/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of a kernel. */
#ifndef VARCH_BOOT_CMDLINE_H
#define VARCH_BOOT_CMDLINE_H

#include <vm-arch/load.h>
#include <vmm-sys-util/error.h>

#define VARCH_BOOT_CMDLINE_MAX	4096	/* bytes, with the zero at the end */

/* Writes the line; its length. -EINVAL: longer than the kernel or VARCH_BOOT_CMDLINE_MAX allows. */
int varch_cmdline_build(const struct varch_load *load, const struct varch_loaded *loaded,
		      char line[VARCH_BOOT_CMDLINE_MAX], struct vsu_error *err);

#endif

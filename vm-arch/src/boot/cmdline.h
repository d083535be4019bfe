/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of a kernel. */
#ifndef VMM_BOOT_CMDLINE_H
#define VMM_BOOT_CMDLINE_H

#include <vm-arch/load.h>
#include <vmm-sys-util/error.h>

#define VMM_BOOT_CMDLINE_MAX	4096	/* bytes, with the zero at the end */

/* Writes the line; its length. -EINVAL: longer than the kernel or VMM_BOOT_CMDLINE_MAX allows. */
int vmm_cmdline_build(const struct vmm_load *load, const struct vmm_loaded *loaded,
		      char line[VMM_BOOT_CMDLINE_MAX], struct vsu_error *err);

#endif

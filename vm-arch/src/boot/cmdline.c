/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line and what is appended to it. */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "boot/cmdline.h"

int varch_cmdline_build(const struct varch_load *load, const struct varch_loaded *loaded,
		      char line[VARCH_BOOT_CMDLINE_MAX], struct vsu_error *err)
{
	const uint32_t wanted = loaded->cmdline_max;
	const int max = wanted && wanted < VARCH_BOOT_CMDLINE_MAX ? (int)wanted :
								  VARCH_BOOT_CMDLINE_MAX - 1;
	int n = snprintf(line, VARCH_BOOT_CMDLINE_MAX, "%s%s%s", load->cmdline,
			 load->append ? " " : "", load->append ? load->append : "");

	return n <= max ? n :
	       vsu_error_set(err, -EINVAL, "the kernel command line has %d characters; %d are allowed", n, max);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * cvmm-boot-init, the first process of a guest that boots a disk image for "cvmm boot", or executes one
 * command in the system of an image for "cvmm exec --image". It is cvmm-init with a boot loader.
 */
#include <vm-agent/init.h>

#include "image.h"

int main(void)
{
	static const struct vagent_init_images images = {
		.boot = image_boot_disk, .mount = image_mount_system, .start_kernel = image_start_own_kernel,
	};

	return vagent_init_run(&images);
}

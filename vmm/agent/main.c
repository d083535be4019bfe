/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * cvmm-init, the first process of a guest whose initrd cvmm made: loads modules, then executes one
 * command for "cvmm exec", or boots a disk image for "cvmm boot", or the system that the kernel's
 * command line names.
 */
#include "init/agent.h"
#include "agent/image.h"

int main(void)
{
	static const struct agent_images images = {
		.boot = agent_boot_image, .mount = agent_mount_image, .start_kernel = agent_start_own_kernel,
	};

	return agent_run(&images);
}

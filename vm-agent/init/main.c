/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * cvmm-init, the first process of a guest with an initrd of libvm-agent: loads modules, then executes
 * commands for the host's side of that library, or boots the system that the kernel's command line names.
 */
#include <stddef.h>

#include "init/agent.h"

int main(void)
{
	return vagent_init_run(NULL);
}

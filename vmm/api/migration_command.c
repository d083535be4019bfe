/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command of an address exec:, started for a machine in another process. */
#include <config.h>

#include <errno.h>

#include "cvmm/requests.h"
#include "migration/address.h"

int cvmm_migration_start_command(const char *command, pid_t *process, struct vsu_error *err)
{
	return command ? vmm_address_start_command(command, process, err) :
			 vsu_error_set(err, -EINVAL, "command is NULL; give one for a shell");
}

void cvmm_migration_end_command(pid_t process)
{
	vmm_stream_end_child(process, false);
}

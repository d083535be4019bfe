/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds devices that share the guest's memory. */
#include <config.h>

#include <errno.h>

#include "machine/sharing.h"

bool vmm_machine_wants_shared(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].spec.remote)
			return true;
	return false;
}

int vmm_sharing_check_log(const struct vmm_machine *m, struct vsu_error *err)
{
	return vmm_machine_wants_shared(m) ?
	       vsu_error_set(err, -EOPNOTSUPP, "a device is behind a socket; such a machine can be saved, not migrated") : 0;
}

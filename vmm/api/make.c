/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes a machine of the options of an owner. */
#include <config.h>

#include "api/machine_private.h"
#include "setup/setup.h"

int cvmm_priv_machine_make(struct cvmm_machine *m, const struct cvmm_options *options,
			   const struct vmm_peer_guard *guard, struct vsu_error *err)
{
	struct cvmm_configuration *c = &m->configuration;
	int status = cvmm_priv_configuration_read(c, options, &m->machine->process.log, guard, err);

	if (status)
		return status;
	status = vmm_machine_make(m->machine, &c->options.machine, &c->options.start, err);
	if (status)
		vmm_machine_free(m->machine);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine leaves its end to its owner. */
#include <config.h>

#include "machine/machine.h"
#include "machine/owner.h"

void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why)
{
	if (m->console)
		vmm_console_restore(m->console);
	vmm_stdio_restore(m->stdio);
	if (m->owner.abandon)
		m->owner.abandon(m->owner.opaque, status, why);
}

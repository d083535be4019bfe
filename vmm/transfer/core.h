/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Writes an ELF core of the guest, for debuggers: its memory by physical addresses, and the
 * registers of its CPUs. CPUs and devices are stopped until they are written, as for a save.
 *
 * Threads: the main thread. A thread of its own writes the file.
 */
#ifndef VMM_TRANSFER_CORE_H
#define VMM_TRANSFER_CORE_H

#include "cvmm/requests.h"
#include "machine/machine.h"

/*
 * m->pause.core is its subject for vmm_answers_send() until the end. -EOPNOTSUPP: private
 * memory; -EEXIST: the file exists or is not empty; -EINVAL: another kind of file; -EBUSY,
 * -EPERM: what the machine does does not allow it.
 */
int vmm_core_begin(struct vmm_machine *m, const struct cvmm_core *core,
		   struct vsu_error *err);

/* The machine ends: cancels the core, and removes an incomplete file that it created. */
void vmm_core_free(struct vmm_machine *m);

#endif

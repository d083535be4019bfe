/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Hot plug of CPUs, reported to the guest by ACPI (<vm-arch/plug.h>). Absent ones exist only
 * as a number: KVM gets them when they are added.
 *
 * Threads: the main thread.
 */
#ifndef VMM_RUN_CPU_PLUG_H
#define VMM_RUN_CPU_PLUG_H

#include "machine/machine.h"

/* A step of creating the machine. -EOPNOTSUPP: the architecture cannot add CPUs; -EINVAL: KVM supports fewer. */
int vmm_machine_check_cpus(struct vmm_machine *m, struct vsu_error *err);

/*
 * Adds CPUs until the machine has n; the guest brings them online at a time of its choice.
 * -EOPNOTSUPP: it has more, or its guest cannot find them; -EINVAL: more than the maximum.
 */
int vmm_machine_add_cpus(struct vmm_machine *m, unsigned int n, struct vsu_error *err);

#endif

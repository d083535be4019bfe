/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The state of a machine's parts, in the order in which KVM needs them. */
#include <config.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpus.h>

#include "arch/own.h"
#include "serial/serial_private.h"

int varch_machine_save(const struct varch_machine *machine, struct vsu_state_writer *w,
		       struct vsu_error *err)
{
	const struct varch_cpus *cpus = machine->cpus;
	unsigned int i;
	int rc = varch_vm_save(machine->kvm, w, err);

	for (i = 0; !rc && i < cpus->n; i++)
		rc = varch_cpu_save(machine->kvm, cpus->cpu[i].fd, i, w, err);
	if (rc < 0)
		return rc;
	varch_power_save(machine->power, w);
	if (machine->serial)
		varch_serial_save(machine->serial, w);
	return 0;
}

int varch_machine_load(const struct varch_machine *machine, const struct vsu_state *state,
		       struct vsu_error *err)
{
	const struct varch_cpus *cpus = machine->cpus;
	unsigned int i;
	int rc = varch_vm_load(machine->kvm, state, err);

	for (i = 0; !rc && i < cpus->n; i++)
		rc = varch_cpu_load(machine->kvm, cpus->cpu[i].fd, i, state, err);
	if (!rc)
		rc = varch_power_load(machine->power, state, err);
	return rc < 0 || !machine->serial ? rc : varch_serial_load(machine->serial, state, err);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * CPUs come first: a CPU in the middle of an access, such as the one that activates a
 * device, would start queues behind the pause of that device.
 */
#include <config.h>

#include <errno.h>

#include "machine/stop.h"

#define MAX_TRIES 100u

int vmm_stop_devices(const struct vmm_machine *m, unsigned int *npaused,
			   bool collects, struct vsu_error *err)
{
	int rc = 0;

	for (; !rc && *npaused < m->ndevices; *npaused += !rc)
		if (m->devices[*npaused].virtio)
			rc = vmm_virtio_pause(m->devices[*npaused].virtio,
					      collects);
	if (rc == 0 || rc == -EAGAIN)
		return rc;
	return vsu_error_sys(err, rc, "device %u cannot pause", (*npaused)++);
}

/* The instruction continues, and the CPU is interrupted at another access. */
static int run_shortly(struct vmm_machine *m, struct vmm_stop *s, struct vsu_error *err)
{
	if (s->tries++ == MAX_TRIES)
		return vsu_error_set(err, -EAGAIN, "a processor is in the middle of an instruction with many accesses; try again");
	vmm_cpus_resume(m->cpus);
	vmm_cpus_pause(m->cpus);
	return 1;
}

int vmm_stop_step(struct vmm_machine *m, struct vmm_stop *s, bool collects,
		  struct vsu_error *err)
{
	int rc = vmm_cpus_settle(m->cpus);

	if (rc == -EBUSY && collects)
		return run_shortly(m, s, err);
	if (rc != -EAGAIN)
		rc = vmm_stop_devices(m, &s->npaused, collects, err);
	return rc == -EAGAIN ? 1 : rc;
}

void vmm_stop_resume(struct vmm_machine *m, unsigned int npaused)
{
	while (npaused > 0)
		if (m->devices[--npaused].virtio)
			(void)!vmm_virtio_resume(m->devices[npaused].virtio);
	vmm_cpus_excuse(m->cpus);
	vmm_cpus_resume(m->cpus);
}

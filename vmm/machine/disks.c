/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Locks, unlocks and flushes the files behind devices of this process. */
#include <config.h>

#include "machine/disks.h"

/* The device has the kind's type only if it is in-process. */
static struct virtdev *local_device(const struct vmm_device *d)
{
	return d->virtio && !d->spec.remote && !d->spec.kernel ?
	       virtdev_transport_device(vmm_virtio_transport(d->virtio)) : NULL;
}

int vmm_disks_flush(const struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmm_device *d = m->devices;
	int rc = 0;

	for (; !rc && d < m->devices + m->ndevices; d++)
		if (local_device(d) && d->spec.kind->flush)
			rc = d->spec.kind->flush(local_device(d), err);
	return rc;
}

static int set_locked(const struct vmm_device *d, bool locked,
		      struct vsu_error *err)
{
	if (!local_device(d) || !d->spec.kind->set_locked ||
	    !vmm_device_describe(&d->spec).locks ||
	    !vmm_device_describe(&d->spec).file)
		return 0;
	return d->spec.kind->set_locked(local_device(d), locked, err);
}

static void unlock_before(const struct vmm_machine *m, const struct vmm_device *end)
{
	while (end-- > m->devices)
		(void)!set_locked(end, false, NULL);
}

int vmm_disks_lock(const struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmm_device *d = m->devices;
	int rc = 0;

	for (; !rc && d < m->devices + m->ndevices; d++)
		rc = set_locked(d, true, err);
	if (rc < 0)
		unlock_before(m, d - 1);
	return rc;
}

void vmm_disks_unlock(const struct vmm_machine *m)
{
	unlock_before(m, m->devices + m->ndevices);
}

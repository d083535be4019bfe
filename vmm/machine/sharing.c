/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Distinguishes the devices of this process from those that share the guest's memory. */
#include <config.h>

#include "machine/sharing.h"

bool vmm_machine_wants_shared(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].spec.remote)
			return true;
	return m->config->shareable;
}

struct virtdev *vmm_machine_local_device(const struct vmm_device *d)
{
	return d->virtio && !d->spec.remote && !d->spec.kernel ?
	       virtdev_transport_device(vmm_virtio_transport(d->virtio)) : NULL;
}

int vmm_sharing_check_log(const struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < m->ndevices; i++)
		if (m->devices[i].virtio)
			rc = vmm_virtio_check_log(m->devices[i].virtio, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i - 1) : 0;
}

/* Another process or the kernel serves a device. */
static bool has_other_servers(const struct vmm_machine *m)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].spec.remote || m->devices[i].spec.kernel)
			return true;
	return false;
}

int vmm_sharing_begin_log(struct vmm_machine *m, struct vhost_dirty_log *log,
			  struct vsu_error *err)
{
	unsigned int i;
	int rc;

	if (!has_other_servers(m))
		return 0;
	rc = vhost_dirty_log_init(log, vmm_memory_map(&m->memory), m->shmem.next, err);
	if (rc < 0)
		return rc;
	for (i = 0; !rc && i < m->ndevices; i++)
		if (m->devices[i].virtio)
			rc = vmm_virtio_set_log(m->devices[i].virtio, log, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "device %u", i - 1) : 0;
}

void vmm_sharing_end_log(struct vmm_machine *m, struct vhost_dirty_log *log)
{
	unsigned int i;

	/* also those behind one that fails */
	for (i = 0; log->words && i < m->ndevices; i++)
		if (m->devices[i].virtio)
			(void)!vmm_virtio_set_log(m->devices[i].virtio, NULL, NULL);
	vhost_dirty_log_free(log);
}

void vmm_sharing_log_rings(const struct vmm_machine *m,
			   const struct vhost_dirty_log *log)
{
	unsigned int i;

	for (i = 0; log->words && i < m->ndevices; i++)
		if (m->devices[i].virtio)
			vmm_virtio_log_rings(m->devices[i].virtio, log);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pauses, saves, loads and resumes a device through its backend. */
#include <config.h>

#include <errno.h>

#include <virtio-devices/ids.h>

#include "virtio/virtio.h"

static const struct virtdev_info *info_of(const struct vmm_virtio *v)
{
	return virtdev_get_info(virtdev_transport_device(vmm_virtio_transport(v)));
}

/* Mappings in regions are not part of a state; pmem maps its file when it starts. */
int vmm_virtio_check_save(const struct vmm_virtio *v, struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	if (!ops->pause)
		return vsu_error_set(err, -EOPNOTSUPP, "its queues are served by the kernel, where its state is");
	if (info_of(v)->nregions && info_of(v)->id != VIRTDEV_ID_PMEM)
		return vsu_error_set(err, -EOPNOTSUPP, "it has shared memory regions, whose mappings cannot be saved");
	return ops->check_save ? ops->check_save(backend, err) : 0;
}

int vmm_virtio_pause(struct vmm_virtio *v)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = virtdev_transport_is_resetting(vmm_virtio_transport(v)) ? -EAGAIN :
	     ops->pause(backend);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_resume(struct vmm_virtio *v)
{
	struct virtdev_transport *t = vmm_virtio_transport(v);
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	struct vq_config config;
	uint32_t i;
	int rc;

	vmm_virtio_lock(v);
	rc = ops->resume(backend);
	for (i = 0; i < info_of(v)->nqueues; i++)
		if (virtdev_transport_queue(t, i, &config))
			virtdev_transport_interrupt(t, i);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_take(struct vmm_virtio *v, void **bytes, size_t *len,
		    struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->take(backend, bytes, len, err);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_load(struct vmm_virtio *v, const void *bytes, size_t len,
		    struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->load(backend, bytes, len, err);
	vmm_virtio_unlock(v);
	return rc;
}

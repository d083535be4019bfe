/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Counters of a device or its backend. */
#include <config.h>

#include <string.h>

#include "virtio/virtio.h"

uint32_t vmm_virtio_stats(const struct vmm_virtio *v,
			  struct virtdev_stat *stats, uint32_t max)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	return ops->stats ? ops->stats(backend, stats, max) :
	       virtdev_stats(virtdev_transport_device(vmm_virtio_transport(v)),
			     stats, max);
}

pid_t vmm_virtio_process(const struct vmm_virtio *v)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	return ops->process ? ops->process(backend) : 0;
}

uint32_t vmm_virtio_some_stats(struct virtdev_stat *stats, uint32_t max,
			       const struct virtdev_stat *all, uint32_t n)
{
	memcpy(stats, all, (n < max ? n : max) * sizeof(*stats));
	return n;
}

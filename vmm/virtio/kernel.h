/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues the host's kernel serves, in the machine.
 *
 * Threads: the main thread.
 */
#ifndef VMM_VIRTIO_KERNEL_H
#define VMM_VIRTIO_KERNEL_H

#include <virtio-devices/vhost_kern.h>

#include "virtio/virtio.h"

/* kern and workers, which may be NULL, are owned on success. */
int vmm_virtio_kernel(const struct vmm_virtio_resources *resources,
		      struct virtdev_vhost_kern *kern, struct devkind_workers *workers,
		      struct vmm_virtio **out, struct vsu_error *err);

#endif

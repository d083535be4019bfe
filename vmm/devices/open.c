/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates requested devices, in this process or served by the kernel. */
#include <config.h>

#include "devices/devices.h"

int vmm_device_open(const struct vmm_device_spec *spec,
		    const struct vmm_device_common *machine,
		    struct virtdev **out, struct vsu_error *err)
{
	struct vmm_device_common common = *machine;

	common.queues = spec->queues;
	common.queue_size = spec->queue_size;
	common.continues = spec->continues;
	return vmm_device_make(spec->kind, spec->config, &common, out, err);
}

int vmm_device_open_kernel(const struct vmm_device_spec *spec,
			   const struct vmm_device_host *host, struct virtdev_vhost_kern **out,
			   struct vsu_error *err)
{
	const struct vmm_device_common common = {
		.queues = spec->queues, .queue_size = spec->queue_size, .host = host,
	};

	return spec->kind->kernel->open(spec->config, &common, out, err);
}

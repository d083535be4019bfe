/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A parsed device, by its kind. */
#include <config.h>

#include "config/device_spec.h"

struct devkind_facts vmm_device_describe(const struct vmm_device_spec *spec)
{
	const struct devkind_facts none = { .file = NULL };

	return spec->kind && (!spec->remote || spec->spawned) ?
	       devkind_facts_of(spec->kind, spec->config) : none;
}

const char *vmm_device_file(const struct vmm_device_spec *spec)
{
	const struct devkind_facts facts = vmm_device_describe(spec);

	return facts.file ? facts.file : facts.opens[0].text;
}

int vmm_device_open(const struct vmm_device_spec *spec,
		    const struct devkind_common *machine,
		    struct virtdev **out, struct vsu_error *err)
{
	struct devkind_common common = *machine;

	common.queues = spec->queues;
	common.queue_size = spec->queue_size;
	common.continues = spec->continues;
	return devkind_make(spec->kind, spec->config, &common, out, err);
}

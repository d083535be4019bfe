/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine that a configuration describes, and its devices, before it is made. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "api/configured.h"
#include "api/results.h"
#include "config/device_option.h"
#include "config/option_rows.h"

int cvmm_configuration_get_machine(const struct cvmm_configuration *c, struct cvmm_description *out,
				   struct vsu_error *err)
{
	const int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_description", err);
	const struct vmm_config *config = &c->options.machine;
	const struct cvmm_description r = {
		.name = config->name, .kernel = config->kernel, .initrd = config->initrd,
		.cpus = config->cpus.n, .max_cpus = config->cpus.max, .devices = config->ndevices,
	};

	if (!rc)
		cvmm_priv_copy_result(out, out->size, &r, sizeof(r));
	return rc;
}

/* The list as typed, behind the kind of --device. */
static const char *properties_of(const struct vmm_device_option *option)
{
	const char *list = option->list;

	if (!list || option->how != VMM_DEVICE_ANY)
		return list ? list : "";
	list += strcspn(list, ",");
	return list + (*list == ',');
}

int cvmm_configuration_get_device(const struct cvmm_configuration *c, unsigned int number,
				  struct cvmm_described_device *out, struct vsu_error *err)
{
	const int rc = cvmm_priv_check_result(out, out ? out->size : 0, "cvmm_described_device", err);
	const struct vmm_config *config = &c->options.machine;
	struct cvmm_described_device r;
	const struct vmm_device_spec *spec;

	if (rc < 0)
		return rc;
	if (number >= config->ndevices || config->specs[number].absent)
		return vsu_error_set(err, -ENOENT, "no device has the number %u", number);
	spec = &config->specs[number];
	r = (struct cvmm_described_device){
		.kind = spec->kind ? spec->kind->name : NULL, .id = spec->id,
		.option = vmm_option_of_device(config->devices[number].how)->option.name,
		.properties = properties_of(&config->devices[number]),
		.file = vmm_device_file(spec),
		.socket = spec->remote && !spec->spawned ? spec->socket : NULL,
	};
	cvmm_priv_copy_result(out, out->size, &r, sizeof(r));
	return 0;
}

int cvmm_configuration_get_server(const struct cvmm_configuration *c, unsigned int i,
				  struct cvmm_server *out, struct vsu_error *err)
{
	const struct vmm_config *config = &c->options.machine;
	const struct vmm_device_spec *spec;
	unsigned int left = i, at = 0;

	while (at < config->ndevices && (!config->specs[at].spawned || left--))
		at++;
	if (at == config->ndevices)
		return vsu_error_set(err, -ENOENT, "the configuration has no server %u", i);
	spec = &config->specs[at];
	*out = (struct cvmm_server){
		.kind = spec->kind, .config = spec->config,
		.queues = spec->queues, .queue_size = spec->queue_size,
	};
	return 0;
}

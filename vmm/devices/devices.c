/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates requested devices, in this process or served by the kernel, and changes their rate limits. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "devices/devices.h"

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

int vmm_device_open_kernel(const struct vmm_device_spec *spec,
			   const struct devkind_host *host, struct virtdev_vhost_kern **out,
			   struct vsu_error *err)
{
	const struct devkind_common common = {
		.queues = spec->queues, .queue_size = spec->queue_size, .host = host,
	};

	return spec->kind->kernel->open(spec->config, &common, out, err);
}

/* --------------------------------- properties that can change while a device runs */

struct change {
	const struct devkind *kind;
	unsigned int keys[DEVKIND_MAX_KEYS];	/* of the rows */
	struct vsu_option rows[DEVKIND_MAX_KEYS + 1];
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
};

static void rows_fill(struct change *c)
{
	const unsigned int nkeys = devkind_nkeys(c->kind);
	unsigned int i, n = 0;

	for (i = 0; i < nkeys; i++) {
		if (!c->kind->keys[i].runtime)
			continue;
		c->keys[n] = i;
		c->rows[n++] = c->kind->keys[i].option;
	}
	c->rows[n].name = NULL;
}

static int on_key(void *opaque, unsigned int index,
		  const struct vsu_option_value *value, struct vsu_error *err)
{
	struct change *c = opaque;

	return devkind_set(c->kind, c->keys[index], c->rows[index].name,
			   value, c->config, err);
}

int vmm_device_limit(struct vmm_device_spec *spec, struct virtdev *dev,
		     const char *what, const char *list, struct vsu_error *err)
{
	struct change c = { .kind = spec->kind };
	char text[VMM_DEVICE_TEXT_MAX];
	int rc;

	if (!spec->kind || !spec->kind->limit)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: this device has no rate limits; only cvmm's own disks and network cards have them",
				     what);
	if (strlen(list) >= sizeof(text))
		return vsu_error_set(err, -EINVAL, "%s: the list is longer than %zu characters",
				     what, sizeof(text) - 1);
	rows_fill(&c);
	memcpy(c.config, spec->config, sizeof(c.config));
	rc = vsu_option_parse_list(c.rows, what, list, text, sizeof(text),
				   on_key, &c, err);
	if (rc < 0)
		return rc;
	rc = spec->kind->limit(dev, c.config, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", what);
	memcpy(spec->config, c.config, sizeof(c.config));
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Configuration space and shared memory regions, for register interfaces. */
#include <config.h>

#include "core/transport_priv.h"

uint64_t virtdev_transport_config_read(struct virtdev_transport *t,
				       uint32_t off, uint32_t len)
{
	unsigned char bytes[8] = { 0 };
	uint64_t value = 0;
	uint32_t i;

	if (len > sizeof(bytes))
		return 0;
	virtdev_config_read(t->dev, off, bytes, len);
	for (i = len; i > 0; i--)
		value = value << 8 | bytes[i - 1];
	return value;
}

void virtdev_transport_config_write(struct virtdev_transport *t, uint32_t off,
				    uint32_t len, uint64_t value)
{
	unsigned char bytes[8];
	uint32_t i;

	if (len > sizeof(bytes))
		return;
	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	if (virtdev_config_write(t->dev, off, bytes, len) < 0)
		return;	/* the driver is not notified (section 2.5) */
}

void virtdev_transport_shared_region(struct virtdev_transport *t, uint32_t id,
				     uint64_t *base, uint64_t *len)
{
	if (t->ops.shared_region &&
	    t->ops.shared_region(t->opaque, id, base, len))
		return;
	*base = *len = UINT64_MAX;
}

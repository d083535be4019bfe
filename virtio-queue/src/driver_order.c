/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Collecting from a ring with IN_ORDER, and from a broken ring. */
#include <config.h>

#include <errno.h>

#include "driver_priv.h"

/*
 * With IN_ORDER a device may name only the last of several requests. The others are
 * complete, too, and their buffers are written completely.
 */
static int peek_in_order(struct vq_driver *d, uint16_t *id, uint32_t *len)
{
	int rc;

	if (!d->in_batch) {
		rc = d->ops->peek(d, &d->batch_id, &d->batch_len);
		if (rc <= 0)
			return rc;
		d->in_batch = true;
	}
	*id = d->requests[d->order_out].order;
	*len = *id == d->batch_id ? d->batch_len : UINT32_MAX;
	d->in_batch = *id != d->batch_id;
	if (++d->order_out == d->size)
		d->order_out = 0;
	return 1;
}

int vq_priv_driver_break(struct vq_driver *d)
{
	d->broken = true;
	return -EBADMSG;
}

int vq_priv_driver_collect_rare(struct vq_driver *d, uint64_t *cookie,
				uint32_t *written)
{
	uint32_t len = 0;
	uint16_t id = 0;
	int rc;

	if (d->broken)
		return -EBADMSG;
	rc = peek_in_order(d, &id, &len);
	if (rc < 0)
		return vq_priv_driver_break(d);
	if (rc > 0)
		d->ops->finish(d, id, len, cookie, written);
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rings with VIRTIO_F_IN_ORDER, whose chains are used in the order in which they were made
 * available: a chain that is pushed early waits in the table of flights.
 */
#include <config.h>

#include "vq.h"

void vq_priv_push_in_order(struct vq *q, uint16_t head, uint32_t written,
			   vq_priv_use_fn use)
{
	struct vq_priv_flight *f = &q->flights[head];

	vq_priv_release(q, head);
	f->state = FLIGHT_WAITING;
	f->written = written;
	for (;;) {
		head = q->order.ids[q->order.out];
		f = &q->flights[head];
		if (f->state != FLIGHT_WAITING)
			return;
		use(q, head, f->written);
		f->state = FLIGHT_FREE;
		q->order.out = vq_priv_order_after(q, q->order.out);
	}
}

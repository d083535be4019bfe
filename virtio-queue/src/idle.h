/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Disabled and broken queues. */
#ifndef VQ_IDLE_H
#define VQ_IDLE_H

#include "vq.h"

/* Operations that do not access the ring. */
extern const struct vq_priv_ops vq_priv_idle_ops;

/* Declares the queue broken: it no longer accesses the ring. Returns -EFAULT. */
int vq_priv_break(struct vq *q, enum vq_broken why, uint64_t got,
		  uint64_t limit) VSU_COLD;

/* The device returned a chain that it does not hold: breaks an enabled queue. */
void vq_priv_not_out(struct vq *q, uint16_t head) VSU_COLD;

/* Whether a push is refused, because the device does not hold the chain. */
static inline bool vq_priv_refuses(struct vq *q, uint16_t head)
{
	if (VSU_LIKELY(vq_priv_is_out(q, head)))
		return false;
	vq_priv_not_out(q, head);
	return true;
}

#endif

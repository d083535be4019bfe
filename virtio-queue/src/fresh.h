/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Switching a queue to a changed map of guest memory. */
#ifndef VIRTIO_QUEUE_FRESH_H
#define VIRTIO_QUEUE_FRESH_H

#include "vq.h"

/* Whether the queue uses the current map of its space. */
static inline bool vq_priv_is_fresh(const struct vq *q)
{
	return __atomic_load_n(q->generation, __ATOMIC_ACQUIRE) == q->seen;
}

/* Switches to the current map of the space if it has changed; 0, or as vq_priv_refresh(). */
static inline int vq_priv_fresh(struct vq *q)
{
	return VSU_LIKELY(vq_priv_is_fresh(q)) ? 0 : vq_priv_refresh(q);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks of the device that drives a queue, in debug builds only. Nothing that
 * a guest or a peer does can fail them.
 *
 * A device must mark bytes before it returns them as used, or a migration loses
 * them. Marked bytes are counted from the pop on, even while nothing is logged,
 * because logging may begin with the chain in flight; the count is checked only
 * while something is logged. A byte marked twice counts twice, so the check
 * finds too few marks only.
 */
#include <config.h>

#include "vq.h"

#ifdef VQ_DEBUG

#include <assert.h>

int vq_priv_debug_popped(struct vq *q, const struct vq_chain *chains, int n)
{
	int i;

	for (i = 0; i < n; i++)
		q->flights[chains[i].head].marked = 0;
	return n;
}

void vq_priv_debug_marked(struct vq *q, uint16_t head, uint64_t len)
{
	q->flights[head].marked += len;
}

void vq_priv_debug_pushed(const struct vq *q, const struct vq_chain *chains,
			  const uint32_t *written, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && q->marks && q->mode.enabled && !q->broken.why; i++)
		assert(written[i] <= q->flights[chains[i].head].marked &&
		       "used bytes were not marked: see vq_chain_written()");
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks of the device that drives a queue, in debug builds only: nothing that
 * a guest or a peer does can end the program here.
 *
 * Bytes that are used must have been marked, or a migration loses them. Bytes are
 * counted from the pop on, whether anything is marked at that time or not,
 * because logging may begin with the chain in flight; they are judged by the
 * time something is. A byte that is told twice counts twice: too little is
 * found by this, never too much.
 */
#include <config.h>

#include "vq.h"

#ifdef VQ_DEBUG

#include <assert.h>

int vq_priv_debug_popped(struct vq *q, const struct vq_chain *chains, int n)
{
	int i;

	for (i = 0; i < n; i++)
		q->flights[chains[i].head].told = 0;
	return n;
}

void vq_priv_debug_told(struct vq *q, uint16_t head, uint64_t len)
{
	q->flights[head].told += len;
}

void vq_priv_debug_pushed(const struct vq *q, const struct vq_chain *chains,
			  const uint32_t *written, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n && q->marks && q->enabled && !q->broken.why; i++)
		assert(written[i] <= q->flights[chains[i].head].told &&
		       "used bytes were not marked: see vq_chain_written()");
}

#endif

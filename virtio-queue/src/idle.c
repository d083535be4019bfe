/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The operations of disabled and broken queues, which do not access the ring, and the
 * messages for broken ones.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "idle.h"

/* These operations change members of the queue only, and nothing in guest memory. */
static int idle_pop(struct vq *q, struct vq_chain *chain)
{
	(void)q;
	(void)chain;
	return -EFAULT;
}

static int idle_pop_batch(struct vq *q, struct vq_chain *chains,
			  unsigned int n)
{
	(void)q;
	(void)chains;
	(void)n;
	return -EFAULT;
}

static void idle_unpop(struct vq *q, struct vq_chain *chain)
{
	vq_priv_release(q, chain->head);
}

static void idle_push(struct vq *q, const struct vq_chain *chain,
		      uint32_t written)
{
	(void)written;
	if (vq_priv_is_out(q, chain->head))
		vq_priv_release(q, chain->head);
}

static void idle_push_batch(struct vq *q, const struct vq_chain *chains,
			    const uint32_t *written, unsigned int n)
{
	unsigned int i;

	(void)written;
	for (i = 0; i < n; i++)
		idle_push(q, &chains[i], 0);
}

static bool idle_false(struct vq *q)
{
	(void)q;
	return false;
}

static void idle_nothing(struct vq *q)
{
	(void)q;
}

const struct vq_priv_ops vq_priv_idle_ops = {
	.pop = idle_pop,
	.pop_batch = idle_pop_batch,
	.unpop = idle_unpop,
	.push = idle_push,
	.push_batch = idle_push_batch,
	.publish = idle_false,
	.disable_notify = idle_nothing,
	.enable_notify = idle_false,
	.has_available = idle_false,
};

/* Indexed by enum vq_broken; the value and the limit follow in the sentence. */
static const char *const reasons[VQ_BROKEN_NOT_OUT + 1] = {
	[VQ_BROKEN_HEAD] = "a buffer id is beyond the queue",
	[VQ_BROKEN_NEXT] = "a descriptor links to beyond its table",
	[VQ_BROKEN_LOOP] = "a chain is too long, or endless",
	[VQ_BROKEN_INDEX] = "the available index jumped",
	[VQ_BROKEN_TWICE] = "a buffer was made available again before it was used",
	[VQ_BROKEN_ORDER] = "a readable descriptor follows a writable one",
	[VQ_BROKEN_INDIRECT] = "an indirect descriptor is not negotiated, nested or linked",
	[VQ_BROKEN_TABLE] = "the length of an indirect table is not a multiple of 16, or too large",
	[VQ_BROKEN_TABLE_MEMORY] = "an indirect table is not in memory",
	[VQ_BROKEN_LENGTH] = "the buffers of a chain are too long together",
	[VQ_BROKEN_RING_MEMORY] = "the ring is no longer in memory",
	[VQ_BROKEN_BY_DEVICE] = "the device failed the queue",
	[VQ_BROKEN_NOT_OUT] = "the device returned a chain that it does not hold",
};

int vq_priv_break(struct vq *q, enum vq_broken why, uint64_t got,
		  uint64_t limit)
{
	if (!q->broken.why) {
		q->base = q->format->base(q);
		q->broken.why = why;
		q->broken.got = got;
		q->broken.limit = limit;
	}
	q->ops = &vq_priv_idle_ops;
	return -EFAULT;
}

void vq_priv_not_out(struct vq *q, uint16_t head)
{
	if (q->mode.enabled)
		vq_priv_break(q, VQ_BROKEN_NOT_OUT, head, q->size);
}

int vq_broken(const struct vq *q)
{
	return (int)q->broken.why;
}

void vq_break(struct vq *q)
{
	if (q->mode.enabled)
		vq_priv_break(q, VQ_BROKEN_BY_DEVICE, 0, 0);
}

int vq_broken_error(const struct vq *q, struct vsu_error *err)
{
	if (!q->broken.why)
		return 0;
	vsu_error_set(err, -EFAULT, "ring %u is broken: %s (value %#" PRIx64
		      ", limit %#" PRIx64 ")", q->index, reasons[q->broken.why],
		      q->broken.got, q->broken.limit);
	vsu_error_operands(err, q->index, q->broken.got, q->broken.limit);
	return -EFAULT;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One bounded turn of a queue whose chains are completed at once. */
#include <config.h>

#include <errno.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sized.h>

#include "vq.h"

#define DEFAULT_CHAINS 256u
#define DEFAULT_BYTES (UINT64_C(4) << 20)
#define DEFAULT_CLOCK_CHAINS 96u

/* Chains that are popped together, and the minimum number of pieces for each. */
#define BATCH 16u
#define BATCH_PIECES 2u

struct batch {
	struct iovec *iov;	/* for the pieces of all chains */
	uint32_t iov_max;
	unsigned int most;	/* chains that may be popped together */
	unsigned int room;	/* number of chains that share the pieces */
	bool later;		/* the device cannot process the next chain yet */
	struct vq_chain chains[BATCH];
	uint32_t written[BATCH];
};

/*
 * The end of the turn by time. The first check starts the clock, so that a short turn reads
 * none.
 */
struct turn_clock {
	uint64_t until;		/* end of the turn; 0: not started */
	uint32_t chains;	/* until the next check */
};

/* Copies the caller's turn and sets its defaults, or -EINVAL, or -E2BIG. */
static int turn_read(struct vq_turn *t, const struct vq_turn *turn)
{
	int rc = vsu_copy_sized(t, sizeof(*t), turn, "struct vq_turn", NULL);

	if (rc < 0)
		return rc;
	if (!t->serve)
		return -EINVAL;
	t->max_chains = t->max_chains ? t->max_chains : DEFAULT_CHAINS;
	t->max_bytes = t->max_bytes ? t->max_bytes : DEFAULT_BYTES;
	t->max_ns = t->max_ns ? t->max_ns : VQ_TURN_NS;
	t->clock_chains = t->clock_chains ? t->clock_chains :
					    DEFAULT_CLOCK_CHAINS;
	return 0;
}

static void batch_divide(struct batch *b, unsigned int n)
{
	const uint32_t each = b->iov_max / n;
	unsigned int i;

	for (i = 0; i < n; i++) {
		b->chains[i].iov = b->iov + i * each;
		b->chains[i].iov_max = each;
	}
	b->room = n;
}

/* A batch of two at first, so that a single chain does not pay for many. */
static void batch_init(struct batch *b, const struct vq_turn *t,
		       struct iovec *pieces)
{
	b->later = false;
	b->iov = t->iov ? t->iov : pieces;
	b->iov_max = t->iov ? t->iov_max : VQ_TURN_PIECES;
	b->most = b->iov_max >= BATCH * BATCH_PIECES ? BATCH : 1;
	batch_divide(b, b->most > 1 ? 2 : 1);
}

/* True if a chain needs more pieces than its share, and could have more alone. */
static bool is_cramped(const struct batch *b, const struct vq_chain *chain)
{
	return VSU_UNLIKELY(chain->fault.why == VQ_FAULT_NO_ROOM) && b->room > 1;
}

/*
 * Serves the first of n chains, until one needs more pieces, the turn ends, or the queue
 * breaks. Returns the number of served chains.
 */
static unsigned int batch_serve(struct vq *q, struct vq_turn *left,
				struct batch *b, unsigned int n)
{
	const struct vq_priv_ops *ops = q->ops;
	struct vq_chain *chain = b->chains;
	uint64_t bytes = left->max_bytes, len;
	unsigned int i;

	for (i = 0; i < n; i++, chain++) {
		if (!bytes || q->ops != ops || is_cramped(b, chain))
			break;
		len = vq_priv_chain_bytes(chain);
		bytes -= len < bytes ? len : bytes;
		b->written[i] = left->serve(left->opaque, q, chain);
		b->later = b->written[i] == VQ_TURN_LATER;
		if (VSU_UNLIKELY(b->later))
			break;
	}
	left->max_chains -= i;
	left->max_bytes = bytes;
	return i;
}

/* Returns the chains that were not served to the ring, the last one first. */
static void batch_give_back(struct vq *q, struct batch *b, unsigned int served,
			    unsigned int n)
{
	if (is_cramped(b, &b->chains[served]))
		b->most = 1;
	while (n > served)
		vq_unpop(q, &b->chains[--n]);
	batch_divide(b, b->most);
}

/* True if the time of the turn is over. */
static bool clock_check(struct turn_clock *clock, const struct vq_turn *turn,
			uint32_t served)
{
	uint64_t now;

	clock->chains -= served;
	if (VSU_LIKELY(clock->chains))
		return false;
	clock->chains = turn->clock_chains;
	now = vsu_now_ns();
	if (!clock->until)
		clock->until = now + turn->max_ns;
	return now >= clock->until;
}

static uint32_t least_of(uint32_t a, uint32_t b, uint32_t c)
{
	const uint32_t least = a < b ? a : b;

	return least < c ? least : c;
}

/*
 * Serves until the ring is empty or the device must wait (0), the queue breaks, or a limit
 * of the turn is reached (1).
 */
static int serve_chains(struct vq *q, struct vq_turn *left, struct batch *b,
			struct turn_clock *clock)
{
	unsigned int served, most;
	int n;

	while (left->max_chains && left->max_bytes) {
		most = least_of(left->max_chains, b->room, clock->chains);
		n = vq_pop_batch(q, b->chains, most);
		if (n <= 0)
			return n;
		served = batch_serve(q, left, b, (unsigned int)n);
		vq_push_batch(q, b->chains, b->written, served);
		if (VSU_UNLIKELY(served < (unsigned int)n))
			batch_give_back(q, b, served, (unsigned int)n);
		else if (served == b->room && b->room < b->most)
			batch_divide(b, b->most);
		if (VSU_UNLIKELY(b->later))
			return vq_broken(q) ? -EFAULT : 0;
		if (clock_check(clock, left, served))
			break;
	}
	return 1;
}

int vq_serve_turn(struct vq *q, const struct vq_turn *turn)
{
	struct iovec pieces[VQ_TURN_PIECES];
	struct turn_clock clock = { 0, 0 };
	struct vq_turn left;
	struct batch b;
	int rc = turn_read(&left, turn);

	if (rc < 0)
		return rc;
	clock.chains = left.clock_chains;
	batch_init(&b, &left, pieces);
	do {
		vq_disable_notify(q);
		rc = serve_chains(q, &left, &b, &clock);
		if (vq_publish(q) && left.notify)
			left.notify(left.opaque);
	} while (rc == 0 && !b.later && vq_enable_notify(q));
	return rc;
}

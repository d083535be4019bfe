/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A whole turn of a queue in one call, for devices that finish a chain before
 * they take the next one: silences the driver, pops, pushes and publishes,
 * asks for notifications again and looks once more, so that none is lost.
 *
 * A turn is bounded in chains, in bytes and in time: a driver can fill a ring as
 * fast as the device empties it, a chain can be of nearly 4 GiB, and a short
 * request can mean much work on the host. Other users of the thread run between
 * two turns.
 *
 *	static uint32_t serve(void *opaque, struct vq *q,
 *			      struct vq_chain *chain)
 *	{
 *		... through cursors; returns how many bytes it stored
 *	}
 *
 *	const struct vq_turn turn = {
 *		.size = sizeof(turn), .serve = serve, .notify = notify,
 *	};
 *	... at each kick, and soon after it said 1:
 *	more = vq_serve_turn(q, &turn);
 *
 * Devices whose requests wait for a disk or a network pop and push themselves
 * (queue.h).
 *
 * Threads: confined, like the queue.
 */
#ifndef VIRTIO_QUEUE_TURN_H
#define VIRTIO_QUEUE_TURN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-queue/queue.h>

VSU_BEGIN_DECLS

/* Pieces of a chain where the caller gives no storage for them. */
#define VQ_TURN_PIECES 64u

/*
 * Result of serve for a chain that the device cannot process yet, such as the output of
 * a console whose input queue is empty. The chain returns to the ring, the turn ends
 * with 0, and the driver is not asked for notifications. The device calls
 * vq_serve_turn() again when it can continue, and gets the same chain first.
 */
#define VQ_TURN_LATER UINT32_MAX

struct vq_turn {
	size_t size;		/* sizeof(struct vq_turn) */

	/*
	 * Serves one chain, whose fault (chain->fault.why) may say that a
	 * buffer of it is bad. Returns the number of bytes stored into its
	 * writable pieces, from their beginning, and the turn pushes it; or
	 * VQ_TURN_LATER, if it has neither read nor stored anything.
	 */
	uint32_t (*serve)(void *opaque, struct vq *q, struct vq_chain *chain);
	/* The driver wants to be told of used buffers. NULL: nobody is. */
	void (*notify)(void *opaque);
	void *opaque;

	struct iovec *iov;	/* for the pieces of a chain; NULL: the turn
				   has room for VQ_TURN_PIECES */
	uint32_t iov_max;
	uint32_t max_chains;	/* 0: 256 */
	uint64_t max_bytes;	/* of chains, readable and writable; the turn
				   ends behind the chain that reaches it.
				   0: 4 MiB */
	uint64_t max_ns;	/* nanoseconds, from the first check of the
				   clock. 0: VQ_TURN_NS */
	uint32_t clock_chains;	/* chains between two checks of the clock: 1
				   where a chain makes system calls. 0: 96 */
};

/* The default duration of a turn; devices with turns of their own use it too. */
#define VQ_TURN_NS UINT64_C(2000000)

/*
 * One turn.
 *
 *   1        there is more to do: call again when others had their turn
 *   0        wait for a kick; after VQ_TURN_LATER, for what the device lacks
 *   -EAGAIN  an IOTLB does not know an address: vq_missed()
 *   -EFAULT  the queue is broken (vq_broken()) or not enabled
 *   -EINVAL  turn->size or turn->serve is missing
 */
VQ_API int vq_serve_turn(struct vq *q, const struct vq_turn *turn)
	VSU_NODISCARD;

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A complete turn of a queue in one call: for devices that finish a chain before they
 * pop the next one. The turn disables the driver's notifications, pops, serves, pushes
 * and publishes. Then it enables notifications and checks the ring again, so that no
 * chain is missed.
 *
 * A turn is limited in chains, bytes and time, so that other work of the thread can run
 * between two turns: a driver can refill a ring as fast as the device empties it, a
 * chain can have nearly 4 GiB, and a short request can require much work of the host.
 *
 *	static uint32_t serve(void *opaque, struct vq *q,
 *			      struct vq_chain *chain)
 *	{
 *		... by cursors; returns the number of stored bytes
 *	}
 *
 *	const struct vq_turn turn = {
 *		.size = sizeof(turn), .serve = serve, .notify = notify,
 *	};
 *	... at each kick, and again soon after it returned 1:
 *	more = vq_serve_turn(q, &turn);
 *
 * Devices whose requests wait for a disk or a network call vq_pop() and vq_push()
 * themselves (queue.h).
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

/* Maximum pieces of a chain if the caller provides no array (iov). */
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
	 * Serves one chain, also one with a fault (chain->fault.why), which the
	 * turn then pushes. Returns the number of bytes stored in its writable
	 * pieces, counted from their start; or VQ_TURN_LATER, if it has neither
	 * read nor stored anything.
	 */
	uint32_t (*serve)(void *opaque, struct vq *q, struct vq_chain *chain);
	/* Notifies the driver of used buffers. NULL: no notification. */
	void (*notify)(void *opaque);
	void *opaque;

	struct iovec *iov;	/* array for the pieces of a chain; NULL: an
				   internal one of VQ_TURN_PIECES */
	uint32_t iov_max;
	uint32_t max_chains;	/* 0: 256 */
	uint64_t max_bytes;	/* of all chains, readable and writable; the turn
				   ends after the chain that reaches it.
				   0: 4 MiB */
	uint64_t max_ns;	/* nanoseconds; a turn begins to count at its first
				   check of the clock. 0: VQ_TURN_NS */
	uint32_t clock_chains;	/* chains between two checks of the clock; 1 if
				   serve makes system calls. 0: 96 */
};

/* The default of max_ns, for devices that implement their own turns as well. */
#define VQ_TURN_NS UINT64_C(2000000)

/*
 * Runs one turn.
 *
 *   1        more chains are available: call it again, after other work of the thread
 *   0        wait for a kick; after VQ_TURN_LATER, until the device can continue
 *   -EAGAIN  the IOTLB has no translation of an address: see vq_missed()
 *   -EFAULT  the queue is broken (vq_broken()) or not enabled
 *   -EINVAL  turn->size or turn->serve is missing
 *   -E2BIG   a member that this library does not have is not 0
 */
VQ_API int vq_serve_turn(struct vq *q, const struct vq_turn *turn)
	VSU_NODISCARD;

/*
 * While set, vq_enable_notify() requests nothing and only checks the ring, because the
 * caller calls vq_has_available() without pause. Before the caller waits otherwise, it
 * clears this and calls vq_enable_notify(). Kept until the queue is freed.
 */
VQ_API void vq_set_polled(struct vq *q, bool polled);

VSU_END_DECLS

#endif

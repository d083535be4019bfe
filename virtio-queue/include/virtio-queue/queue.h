/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtqueue from the device's side: split or packed, callers cannot tell
 * which (VIRTIO 1.3, sections 2.7 and 2.8).
 *
 *   queue   the ring, translated once per map generation and then driven by
 *           host pointers; opaque
 *   chain   one request: host pieces that the device may read, then pieces
 *           that it may write, in storage of the caller
 *   head    the buffer id by which a chain is given back
 *   push    the chain is done; publish makes all pushed ones visible at once
 *   fault   the ring is sound but a buffer is not: the device fails the
 *           request in its own terms
 *   broken  the ring cannot be trusted: nothing is read or written any more
 *           until it is disabled and enabled again
 *
 * A turn of a device looks like this:
 *
 *	do {
 *		vq_disable_notify(q);
 *		while ((n = vq_pop(q, &chain)) == 1) {
 *			... serve, then: vq_push(q, &chain, written);
 *		}
 *		if (vq_publish(q))
 *			... signal the call eventfd
 *	} while (n == 0 && vq_enable_notify(q));
 *
 * with a bound on the chains and bytes of a turn where others must be served:
 * turn.h has it whole, for devices that finish a chain at once.
 *
 * Threads: a queue is confined to one thread at a time. Set-up and the map's
 * publication belong to the thread that publishes in the space.
 */
#ifndef VIRTIO_QUEUE_QUEUE_H
#define VIRTIO_QUEUE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <virtio-queue/features.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vq;

/* Frozen. How a driver (or a front-end on its behalf) set the queue up. */
struct vq_config {
	uint64_t features;	/* acknowledged, VQ_F_*; other bits are ignored */
	uint32_t size;		/* entries; split: a power of two */
	uint32_t max_chain;	/* longest chain the device takes where that is
				   more than size (for indirect); 0: size */
	uint64_t desc_gpa;	/* descriptor area: table, or packed ring */
	uint64_t driver_gpa;	/* driver area: available ring, or event struct */
	uint64_t device_gpa;	/* device area: used ring, or event struct */
	uint32_t base;		/* where to go on, as vq_base() gives it;
				   at first vq_initial_base() */
	uint32_t index;		/* number of the ring, for sentences */
};

/* Why a buffer of a sound chain cannot be used. */
enum vq_fault_why {
	VQ_FAULT_NONE = 0,
	VQ_FAULT_UNMAPPED,	/* no memory there, or not all of it */
	VQ_FAULT_READ_ONLY,	/* the device may not write there */
	VQ_FAULT_WRAPS,		/* address and length exceed 64 bits */
	VQ_FAULT_NO_ROOM,	/* more pieces than the caller's storage */
};

/* Frozen. The first bad buffer of a chain. */
struct vq_fault {
	uint64_t gpa;		/* of the buffer */
	uint32_t len;
	uint32_t pad;
	uint32_t why;		/* enum vq_fault_why, of the first bad buffer */
	uint32_t bad;		/* VMEM_READ, VMEM_WRITE: which kinds of buffers
				   were bad; the lists of other kinds are whole */
};

/*
 * Frozen. One request. The caller sets iov and iov_max once; vq_pop() fills the rest.
 * The pieces stay mapped until the chain is pushed or given back, even when
 * the memory is removed from the guest meanwhile.
 */
struct vq_chain {
	struct iovec *iov;	/* caller's storage */
	uint32_t iov_max;
	uint16_t head;		/* buffer id */
	uint16_t pad;
	uint32_t nreadable;	/* iov[0 .. nreadable) */
	uint32_t nwritable;	/* iov[nreadable .. nreadable + nwritable) */
	uint32_t readable_len;	/* bytes */
	uint32_t writable_len;	/* bytes */
	struct vq_fault fault;	/* why is not 0: the lists hold the good part
				   in front of the bad buffer of each kind */
	uint64_t private_[4];
};

/* Why a queue is broken. */
enum vq_broken {
	VQ_OK = 0,
	VQ_BROKEN_HEAD,		/* a head or buffer id beyond the queue */
	VQ_BROKEN_NEXT,		/* a link beyond the table */
	VQ_BROKEN_LOOP,		/* a chain longer than allowed, or endless */
	VQ_BROKEN_INDEX,	/* the available index jumped */
	VQ_BROKEN_TWICE,	/* a head made available again before it was used */
	VQ_BROKEN_ORDER,	/* a readable descriptor after a writable one */
	VQ_BROKEN_INDIRECT,	/* not negotiated, nested, or with NEXT */
	VQ_BROKEN_TABLE,	/* indirect table: empty, odd length, too long */
	VQ_BROKEN_TABLE_MEMORY,	/* indirect table not in memory, or it wraps */
	VQ_BROKEN_LENGTH,	/* the lengths of a chain exceed 32 bits */
	VQ_BROKEN_RING_MEMORY,	/* the ring itself is no longer in memory */
	VQ_BROKEN_BY_DEVICE,	/* vq_break() */
};

/* A queue that is not enabled. */
VQ_API int vq_new(struct vq **out) VSU_NODISCARD;

/* Chains in flight must have been pushed or given back. */
VQ_API void vq_free(struct vq *q);

/*
 * The memory to work on: the space whose current map translates addresses.
 * Before vq_enable(); NULL takes it away (the queue must be disabled).
 */
VQ_API int vq_set_space(struct vq *q, struct vmem_space *space) VSU_NODISCARD;

/*
 * Checks the set-up, translates the rings and goes on at config->base.
 *
 *   -EINVAL  size 0, too large or (split) no power of two; an address that is
 *            not aligned (16, 2 and 4; packed: 16, 4 and 4); a base that the
 *            format cannot have
 *   -EFAULT  a ring that is not wholly in memory, or wraps
 *   -EAGAIN  an IOTLB does not know the ring yet: vq_missed()
 *   -EBUSY   enabled already, or chains are still in flight
 *   -ENOMEM
 */
VQ_API int vq_enable(struct vq *q, const struct vq_config *config,
		     struct vsu_error *err) VSU_NODISCARD;

/*
 * Whether a disabled queue could be enabled with this size and these
 * addresses, in the memory of this moment: the answers of vq_enable(). The
 * base is not looked at, nothing of the ring is read and nothing changes.
 */
VQ_API int vq_check(struct vq *q, const struct vq_config *config,
		    struct vsu_error *err) VSU_NODISCARD;

/*
 * Never touches the ring again until enabled. Chains in flight may still be
 * used, and must be pushed (which then only ends their hold on memory). What
 * was pushed before is to be published before.
 */
VQ_API void vq_disable(struct vq *q);
VQ_API bool vq_is_enabled(const struct vq *q);

/*
 * The position of the ring, in the encoding of vhost-user's vring base. Split:
 * the next available index. Packed: bits 0-14 next available, bit 15 its wrap
 * counter, bits 16-30 next used, bit 31 its wrap counter.
 */
VQ_API uint32_t vq_base(const struct vq *q);

VQ_API uint32_t vq_size(const struct vq *q);
VQ_API unsigned int vq_inflight(const struct vq *q);

/*
 * The next chain: 1; nothing available: 0; -EAGAIN an address that an IOTLB
 * does not know yet, nothing consumed; -EFAULT the queue is broken (see
 * vq_broken()) or not enabled.
 */
VQ_API int vq_pop(struct vq *q, struct vq_chain *chain) VSU_NODISCARD;

/* Up to n chains; returns how many, or as vq_pop() when there is none. */
VQ_API int vq_pop_batch(struct vq *q, struct vq_chain *chains, unsigned int n)
	VSU_NODISCARD;

/* Frozen. A range that an IOTLB did not know, and the access wanted there. */
struct vq_miss {
	uint64_t gpa;		/* I/O virtual address */
	uint64_t len;
	uint32_t access;	/* VMEM_READ, VMEM_WRITE */
	uint32_t pad;
};

/* After -EAGAIN: the first range that is missing. */
VQ_API void vq_missed(const struct vq *q, struct vq_miss *out);

/*
 * After -EAGAIN: that address leads nowhere, because whoever was asked said so.
 * The next vq_pop() takes it for one outside of memory: the chain comes with a
 * fault, or the queue breaks where its structure is there. It may be asked for
 * again when another chain is at the head.
 */
VQ_API void vq_deny_missed(struct vq *q);

/* Gives the chain that was popped last back unserved: the next pop has it. */
VQ_API void vq_unpop(struct vq *q, struct vq_chain *chain);

/*
 * The chain is done; written is the number of bytes stored into its writable
 * pieces, from their beginning. The driver sees it after vq_publish(). Any
 * order.
 */
VQ_API void vq_push(struct vq *q, struct vq_chain *chain, uint32_t written);

/* The same for n chains; written[i] belongs to chains[i]. */
VQ_API void vq_push_batch(struct vq *q, struct vq_chain *chains,
			  const uint32_t *written, unsigned int n);

/*
 * Makes all pushed chains visible. True when the driver wants to be told;
 * the caller then signals it.
 */
VQ_API bool vq_publish(struct vq *q);

/* Asks the driver for silence; it may notify all the same. */
VQ_API void vq_disable_notify(struct vq *q);

/*
 * Asks for a notification at the next chain. True when one is available
 * already and may come without, or when the ring lost its memory: the caller
 * looks again, and vq_pop() says what it is.
 */
VQ_API bool vq_enable_notify(struct vq *q) VSU_NODISCARD;

/* True when vq_pop() may have something to say. Touches the ring. */
VQ_API bool vq_has_available(struct vq *q);

/*
 * Looks whether the map changed, and translates anew if so. For a queue that
 * is idle when memory is removed: until it was called, the queue keeps the
 * former map alive.
 */
VQ_API void vq_refresh(struct vq *q);

/* enum vq_broken. */
VQ_API int vq_broken(const struct vq *q);

/* The sentence: which ring, what, the value and the limit. */
VQ_API int vq_broken_error(const struct vq *q, struct vsu_error *err);

/* The device cannot go on with this ring. */
VQ_API void vq_break(struct vq *q);

/*
 * A zero-copy device tells what the kernel or a peer stored into the writable
 * pieces, before it pushes: off counts from their beginning. Marks dirty
 * bitmaps and logs; nothing to do when none is on. In a build with
 * --enable-debug a push of more bytes than were told so, or stored by cursors,
 * ends the program while anything is marked.
 */
VQ_API void vq_chain_written(struct vq *q, const struct vq_chain *chain,
			     uint32_t off, uint32_t len);

/*
 * Stores len bytes as the last writable ones of a chain: the status byte of a
 * disk request, say. With a fault, too, where the lists do not reach so far
 * because a buffer before them is bad. False, and nothing is stored, when
 * these bytes are not in memory, not writable, or not in one piece behind the
 * bad buffer.
 */
VQ_API bool vq_chain_write_last(struct vq *q, const struct vq_chain *chain,
				const void *buf, uint32_t len);

/*
 * Frozen. A log of what was written, as vhost-user has it: one bit for each 4 KiB of
 * guest addresses, in memory that a peer reads and clears.
 */
struct vq_log {
	unsigned char *base;
	uint64_t size;		/* bytes; pages beyond are not logged */
};

/*
 * Logs stores into buffers from now on; borrowed until it is replaced. NULL:
 * no log. On the queue's thread, also while it is enabled.
 */
VQ_API void vq_set_log(struct vq *q, const struct vq_log *log);

/*
 * Whether stores into the ring are logged too, and under which guest address
 * the device area is (vhost-user's log_guest_addr).
 */
VQ_API void vq_set_ring_log(struct vq *q, bool on, uint64_t device_gpa);

/*
 * In-flight tracking: which chains were taken and not given back, noted in
 * memory that outlives the process (vhost-user's in-flight area), so that who
 * takes the ring over takes them again.
 *
 * vq_inflight_size() is what one ring of up to that many entries takes of the
 * area, a multiple of 64. vq_set_inflight() gives a disabled queue its part of
 * the area, borrowed, all zero at first and aligned to 8 bytes; NULL: no
 * tracking. -EBUSY when it is enabled, -EINVAL when it is not aligned or has
 * more than VQ_MAX_SIZE entries, -ENOMEM.
 *
 * vq_enable() then goes on where the area says and not at config->base (which
 * counts for a packed ring whose area is still all zero), and chains that were
 * in flight come before all others, in the order in which they were taken. The
 * notification of the last batch may have died with its owner: the new one
 * signals the driver once, whether anything is to be served or not.
 *
 * Nothing of the area is trusted, and vq_enable() is the only one that reads
 * it: -EBADMSG for an unknown version or (packed) content that cannot be, -EINVAL
 * for too few entries; otherwise at worst other chains of the same ring are taken again.
 */
VQ_API uint64_t vq_inflight_size(uint32_t entries, uint64_t features);
VQ_API int vq_set_inflight(struct vq *q, void *area, uint32_t entries)
	VSU_NODISCARD;

/* Events since the queue was made. */
enum vq_counter {
	VQ_COUNT_CHAINS,	/* popped */
	VQ_COUNT_BYTES,		/* of popped chains */
	VQ_COUNT_NOTIFIED,	/* vq_publish() said true */
	VQ_COUNT_SUPPRESSED,	/* chains were published, and it said false */
	VQ_COUNT_EMPTY,		/* vq_pop() found nothing */
	VQ_COUNT_FAULTS,	/* chains with a fault */
};

VQ_API uint64_t vq_counter(const struct vq *q, enum vq_counter which);

VSU_END_DECLS

#endif

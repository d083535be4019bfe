/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device side of a virtqueue. Split and packed rings have the same interface
 * (VIRTIO 1.3, sections 2.7 and 2.8).
 *
 *   queue   the ring; its addresses are translated to host pointers once per
 *           generation of the memory map; opaque
 *   chain   one request: pieces of host memory that the device may read, then
 *           pieces that it may write, in an array of the caller
 *   head    the buffer id that identifies a chain
 *   push    returns a completed chain; publish makes all pushed chains visible
 *           to the driver at once
 *   fault   the ring is valid, but a buffer of the chain is not: the device
 *           fails this request
 *   broken  the ring has an invalid structure: the queue neither reads nor
 *           writes it until it has been disabled and enabled again
 *
 * A device serves a queue in turns:
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
 * If the thread has other work, limit the chains and bytes of a turn. vq_serve_turn()
 * of turn.h does so for devices that complete each chain immediately.
 *
 * Threads: a queue is confined to one thread at a time. Set up a queue on the thread
 * that publishes maps in its space.
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

/* Fixed layout. The driver's settings, possibly sent by a front-end. */
struct vq_config {
	uint64_t features;	/* acknowledged, VQ_F_*; other bits are ignored */
	uint32_t size;		/* entries; split: a power of two */
	uint32_t max_chain;	/* maximum descriptors of a chain; more than size
				   permits longer indirect tables; 0: size */
	uint64_t desc_gpa;	/* descriptor area: table, or packed ring */
	uint64_t driver_gpa;	/* driver area: available ring, or event struct */
	uint64_t device_gpa;	/* device area: used ring, or event struct */
	uint32_t base;		/* start position, in the format of vq_base();
				   initially vq_initial_base() */
	uint32_t index;		/* number of the ring, for error messages */
};

/* Reason why a buffer of a valid chain cannot be used. */
enum vq_fault_why {
	VQ_FAULT_NONE = 0,
	VQ_FAULT_UNMAPPED,	/* not, or not completely, in guest memory */
	VQ_FAULT_READ_ONLY,	/* the device may not write there */
	VQ_FAULT_WRAPS,		/* address and length exceed 64 bits */
	VQ_FAULT_NO_ROOM,	/* more pieces than iov_max */
};

/* Fixed layout. The first bad buffer of a chain. */
struct vq_fault {
	uint64_t gpa;		/* of the buffer */
	uint32_t len;
	uint32_t pad;
	uint32_t why;		/* enum vq_fault_why, of the first bad buffer */
	uint32_t bad;		/* which of the chain's lists has a bad buffer:
				   VMEM_READ, VMEM_WRITE; the other is complete */
};

/*
 * Fixed layout. One request. The caller sets iov and iov_max once; vq_pop() sets the other
 * members. The pieces remain mapped until the chain is pushed or returned by vq_unpop(),
 * even if the memory is removed from the guest meanwhile.
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
	struct vq_fault fault;	/* if why is not 0, each list ends before the
				   first bad buffer of its kind */
	uint64_t private_[4];
};

/* Reason why a queue is broken. */
enum vq_broken {
	VQ_OK = 0,
	VQ_BROKEN_HEAD,		/* a head or buffer id beyond the queue */
	VQ_BROKEN_NEXT,		/* a link beyond the table */
	VQ_BROKEN_LOOP,		/* a chain longer than allowed, or endless */
	VQ_BROKEN_INDEX,	/* the available index advanced by more than size */
	VQ_BROKEN_TWICE,	/* a head became available again while in flight */
	VQ_BROKEN_ORDER,	/* a readable descriptor after a writable one */
	VQ_BROKEN_INDIRECT,	/* indirect: not negotiated, nested, or with NEXT */
	VQ_BROKEN_TABLE,	/* indirect table: empty, odd length, too long */
	VQ_BROKEN_TABLE_MEMORY,	/* indirect table not in memory, or it exceeds 64 bits */
	VQ_BROKEN_LENGTH,	/* the lengths of a chain exceed 32 bits */
	VQ_BROKEN_RING_MEMORY,	/* the ring itself is no longer in memory */
	VQ_BROKEN_BY_DEVICE,	/* vq_break() */
	VQ_BROKEN_NOT_OUT,	/* the device pushed a chain that it does not hold */
};

/* Creates a queue, disabled; free it without chains in flight. */
VQ_API int vq_new(struct vq **out) VSU_NODISCARD;
VQ_API void vq_free(struct vq *q);

/*
 * Sets the guest memory of a disabled queue: addresses are translated by the space's
 * current map. NULL: the queue has no memory.
 */
VQ_API int vq_set_space(struct vq *q, struct vmem_space *space) VSU_NODISCARD;

/*
 * Checks the configuration, translates the rings and starts at config->base.
 *
 *   -EINVAL  no configuration; size 0, too large or (split) no power of two; an address that is
 *            not aligned (16, 2 and 4; packed: 16, 4 and 4); an impossible
 *            base
 *   -EFAULT  a ring is not completely in guest memory, or its address overflows
 *   -EAGAIN  the IOTLB has no translation of the ring: see vq_missed()
 *   -EBUSY   already enabled, or chains are in flight
 *   -ENOMEM
 */
VQ_API int vq_enable(struct vq *q, const struct vq_config *config,
		     struct vsu_error *err) VSU_NODISCARD;

/*
 * Checks whether a disabled queue could be enabled with this size and these
 * addresses in the current memory. Returns the codes of vq_enable(). Ignores the
 * base, does not read the ring and changes nothing.
 */
VQ_API int vq_check(struct vq *q, const struct vq_config *config,
		    struct vsu_error *err) VSU_NODISCARD;

/*
 * Disables the queue: it does not access the ring until it is enabled again. First
 * publish pushed chains. Chains in flight remain valid and must still be pushed,
 * which then only releases their memory.
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
 * Gets the next chain.
 *
 *   1        a chain
 *   0        no chain is available
 *   -EAGAIN  the IOTLB has no translation of an address of the next chain; the chain
 *            stays in the ring; see vq_missed()
 *   -EFAULT  the queue is broken (see vq_broken()) or not enabled
 */
VQ_API int vq_pop(struct vq *q, struct vq_chain *chain) VSU_NODISCARD;

/* Gets up to n chains. Returns their number; if it is 0, as vq_pop(). */
VQ_API int vq_pop_batch(struct vq *q, struct vq_chain *chains, unsigned int n)
	VSU_NODISCARD;

/* Fixed layout. A range without a translation in the IOTLB, and the requested access. */
struct vq_miss {
	uint64_t gpa;		/* I/O virtual address */
	uint64_t len;
	uint32_t access;	/* VMEM_READ, VMEM_WRITE */
	uint32_t pad;
};

/* After -EAGAIN: the first range without a translation. */
VQ_API void vq_missed(const struct vq *q, struct vq_miss *out);

/*
 * After -EAGAIN: the IOMMU has no mapping of that address. The next vq_pop() treats it
 * as outside guest memory: the chain has a fault, or the queue breaks if it is the
 * address of an indirect table. Later chains report a miss of this address again.
 */
VQ_API void vq_deny_missed(struct vq *q);

/* Returns the last popped chain to the ring, unused; the next pop gets it again. */
VQ_API void vq_unpop(struct vq *q, struct vq_chain *chain);

/*
 * Completes a chain, in any order; the driver sees it after vq_publish(). written is the
 * number of bytes stored in its writable pieces, counted from their start. Here and in
 * vq_unpop(), a chain that is not in flight breaks an enabled queue.
 */
VQ_API void vq_push(struct vq *q, struct vq_chain *chain, uint32_t written);

/* Completes n chains that are in flight, which is not checked; written[i] is of chains[i]. */
VQ_API void vq_push_batch(struct vq *q, struct vq_chain *chains,
			  const uint32_t *written, unsigned int n);

/*
 * Makes all pushed chains visible to the driver. True: the caller must notify the
 * driver, which requested it.
 */
VQ_API bool vq_publish(struct vq *q);

/* Requests that the driver does not notify. The driver may ignore it. */
VQ_API void vq_disable_notify(struct vq *q);

/*
 * Requests a notification of the next chain. True: call vq_pop() again, because a
 * chain became available before the request, perhaps without a notification, or
 * because the ring's memory was removed.
 */
VQ_API bool vq_enable_notify(struct vq *q) VSU_NODISCARD;

/* True if vq_pop() may return a chain or an error. Reads the ring. */
VQ_API bool vq_has_available(struct vq *q);

/*
 * Translates the ring again if the memory map has changed. Call it for idle queues
 * after memory was removed: until then the queue keeps the old map alive.
 */
VQ_API void vq_refresh(struct vq *q);

/* Returns an enum vq_broken. */
VQ_API int vq_broken(const struct vq *q);

/* Stores the message: the ring, the fault, the invalid value and the limit. */
VQ_API int vq_broken_error(const struct vq *q, struct vsu_error *err);

/* Declares the queue broken, for a reason of the device. */
VQ_API void vq_break(struct vq *q);

/*
 * For zero-copy devices, before the push: reports that the kernel or a peer stored len
 * bytes in the writable pieces, at off from their start. Marks them in dirty bitmaps
 * and logs; does nothing if none is active. Builds with --enable-debug then abort if a
 * push claims more bytes than were reported here and stored by cursors.
 */
VQ_API void vq_chain_written(struct vq *q, const struct vq_chain *chain,
			     uint32_t off, uint32_t len);

/*
 * Stores buf in the last len writable bytes of a chain, such as the status byte of a
 * disk request. Works for chains with a fault too, whose lists end before the bad
 * buffer. False, without a store: these bytes are not in guest memory, not writable,
 * or not in one piece after the bad buffer.
 */
VQ_API bool vq_chain_write_last(struct vq *q, const struct vq_chain *chain,
				const void *buf, uint32_t len);

/*
 * Fixed layout. The dirty log of vhost-user: one bit per 4 KiB of guest addresses, in
 * memory that a peer reads and clears.
 */
struct vq_log {
	unsigned char *base;
	uint64_t size;		/* bytes; pages beyond are not logged */
};

/* Logs stores to buffers; log is borrowed. NULL: no log. On its thread, also while enabled. */
VQ_API void vq_set_log(struct vq *q, const struct vq_log *log);

/*
 * on: also log stores to the device area of the ring, as if it were at this guest
 * address (vhost-user's log_guest_addr).
 */
VQ_API void vq_set_ring_log(struct vq *q, bool on, uint64_t device_gpa);

/*
 * In-flight tracking: the queue records popped chains that were not yet pushed, in
 * memory that outlives the process (vhost-user's in-flight area). A replacement process
 * pops them again.
 *
 * vq_inflight_size() returns the size of the area of one ring with up to the given number of
 * entries, a multiple of 64. vq_set_inflight() sets the area of a disabled queue:
 * borrowed, aligned to 8 bytes, initially all zero. NULL: no tracking. -EBUSY: the queue
 * is enabled; -EINVAL: not aligned, or more than VQ_MAX_SIZE entries; -ENOMEM.
 *
 * vq_enable() then starts at the position in the area and not at config->base (except
 * for a packed ring whose area is all zero). vq_pop() first returns the chains that
 * were in flight, in the order in which they were popped. The previous process may have
 * ended before it notified the driver of its last batch, so the replacement notifies
 * the driver once, even if no chain is available.
 *
 * The content of the area is not trusted, and only vq_enable() reads it. -EBADMSG:
 * unknown version, or impossible content (packed); -EINVAL: too few entries. Other
 * invalid content can only cause other chains of this ring to be popped again.
 */
VQ_API uint64_t vq_inflight_size(uint32_t entries, uint64_t features);
VQ_API int vq_set_inflight(struct vq *q, void *area, uint32_t entries)
	VSU_NODISCARD;

/* Number of events since the queue was created. */
enum vq_counter {
	VQ_COUNT_CHAINS,	/* popped */
	VQ_COUNT_BYTES,		/* of popped chains */
	VQ_COUNT_NOTIFIED,	/* vq_publish() returned true */
	VQ_COUNT_SUPPRESSED,	/* it published chains and returned false */
	VQ_COUNT_EMPTY,		/* vq_pop() found nothing */
	VQ_COUNT_FAULTS,	/* chains with a fault */
};

VQ_API uint64_t vq_counter(const struct vq *q, enum vq_counter which);

/* The fault of the last chain that VQ_COUNT_FAULTS counted; all zero: none. */
VQ_API void vq_last_fault(const struct vq *q, struct vq_fault *out);

VSU_END_DECLS

#endif

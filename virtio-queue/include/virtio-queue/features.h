/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Feature bits of virtqueues, as masks of the 64-bit feature word (VIRTIO 1.3,
 * section 6). Also the initial position of a ring. The names have a prefix of their
 * own, because kernel headers define VIRTIO_F_ and VIRTIO_RING_F_.
 *
 * Threads: constants, and a pure function.
 */
#ifndef VIRTIO_QUEUE_FEATURES_H
#define VIRTIO_QUEUE_FEATURES_H

#include <stdint.h>

#include <virtio-queue/attributes.h>

#define VQ_F_INDIRECT_DESC	(UINT64_C(1) << 28)
#define VQ_F_EVENT_IDX		(UINT64_C(1) << 29)
#define VQ_F_VERSION_1		(UINT64_C(1) << 32)
#define VQ_F_ACCESS_PLATFORM	(UINT64_C(1) << 33)
#define VQ_F_RING_PACKED	(UINT64_C(1) << 34)
#define VQ_F_IN_ORDER		(UINT64_C(1) << 35)
#define VQ_F_ORDER_PLATFORM	(UINT64_C(1) << 36)
#define VQ_F_NOTIFICATION_DATA	(UINT64_C(1) << 38)
#define VQ_F_RING_RESET		(UINT64_C(1) << 40)

/* The largest queue, split or packed. */
#define VQ_MAX_SIZE 32768u

/* The base of a ring that was never used, in the encoding of vq_base(). */
static inline uint32_t vq_initial_base(uint64_t features)
{
	return features & VQ_F_RING_PACKED ? UINT32_C(0x80008000) : 0;
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The layout of rings in guest memory, and accesses to them. Each function is one load or
 * one store of its width; values in memory are little-endian.
 */
#ifndef VIRTIO_QUEUE_PRIV_RING_H
#define VIRTIO_QUEUE_PRIV_RING_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/endian.h>

/* Descriptor flags (VIRTIO 1.3, 2.7.5 and 2.8.1). */
#define RING_DESC_NEXT		0x1u
#define RING_DESC_WRITE		0x2u
#define RING_DESC_INDIRECT	0x4u
#define RING_DESC_AVAIL		0x80u	/* packed */
#define RING_DESC_USED		0x8000u	/* packed */

#define RING_DESC_SIZE		16u

/* Offsets in the driver and device areas of a split ring. */
#define RING_FLAGS		0u	/* u16, both areas */
#define RING_IDX		2u	/* u16, both areas */
#define RING_ENTRIES		4u	/* available: u16 each, used: 8 bytes each */

#define RING_NO_INTERRUPT	0x1u	/* flags of the driver area */
#define RING_NO_NOTIFY		0x1u	/* flags of the device area */

/* Event suppression of a packed ring: u16 offset and wrap, u16 flags. */
#define RING_EVENT_SIZE		4u
#define RING_EVENT_ENABLE	0u
#define RING_EVENT_DISABLE	1u
#define RING_EVENT_DESC		2u

/*
 * A private copy of a descriptor: each part is loaded once, and only the copy is checked
 * and used.
 */
struct ring_desc {
	uint64_t addr;
	uint64_t len;	/* 32 bits */
	uint32_t tail;	/* flags, then next; packed: id, then flags */
};

/* Indirect tables may have any address; each access is still a whole word. */
struct ring_word {
	uint64_t v;
} __attribute__((packed, may_alias));

struct ring_half {
	uint32_t v;
} __attribute__((packed, may_alias));

/*
 * A value loaded from memory that others write. The compiler can neither load it again nor
 * infer anything about it. Unlike volatile, this permits the compiler any load instruction.
 */
static inline uint64_t ring_loaded(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

static inline uint64_t ring_load64(const unsigned char *p)
{
	const struct ring_word *w = (const struct ring_word *)(const void *)p;

	return ring_loaded(VSU_LE64_SWAP_(w->v));
}

static inline uint64_t ring_load_half(const unsigned char *p)
{
	const struct ring_half *h = (const struct ring_half *)(const void *)p;

	return ring_loaded(VSU_LE32_SWAP_(h->v));
}

static inline void ring_store64(unsigned char *p, uint64_t v)
{
	((volatile struct ring_word *)(volatile void *)p)->v =
		VSU_LE64_SWAP_(v);
}

/* Slots of a packed ring are aligned, and their second word is atomic. */
static inline uint64_t ring_load64_acquire(const unsigned char *p)
{
	uint64_t v = __atomic_load_n((const uint64_t *)(const void *)p,
				     __ATOMIC_ACQUIRE);

	return VSU_LE64_SWAP_(v);
}

static inline void ring_store64_release(unsigned char *p, uint64_t v)
{
	__atomic_store_n((uint64_t *)(void *)p, VSU_LE64_SWAP_(v),
			 __ATOMIC_RELEASE);
}

static inline uint32_t ring_load32(const unsigned char *p)
{
	uint32_t v = __atomic_load_n((const uint32_t *)(const void *)p,
				     __ATOMIC_RELAXED);

	return VSU_LE32_SWAP_(v);
}

static inline uint32_t ring_load32_acquire(const unsigned char *p)
{
	uint32_t v = __atomic_load_n((const uint32_t *)(const void *)p,
				     __ATOMIC_ACQUIRE);

	return VSU_LE32_SWAP_(v);
}

/*
 * The upper half of a packed slot's second word, which a driver stores as a whole. For
 * ThreadSanitizer all accesses must have one width.
 */
static inline uint32_t ring_load_tail_acquire(const unsigned char *slot)
{
#if VSU_THREAD_SANITIZER
	return (uint32_t)(ring_load64_acquire(slot + 8) >> 32);
#else
	return ring_load32_acquire(slot + 12);
#endif
}

static inline void ring_store32(unsigned char *p, uint32_t v)
{
	__atomic_store_n((uint32_t *)(void *)p, VSU_LE32_SWAP_(v),
			 __ATOMIC_RELAXED);
}

static inline uint16_t ring_load16(const unsigned char *p)
{
	uint16_t v = __atomic_load_n((const uint16_t *)(const void *)p,
				     __ATOMIC_RELAXED);

	return (uint16_t)VSU_LE16_SWAP_(v);
}

static inline uint16_t ring_load16_acquire(const unsigned char *p)
{
	uint16_t v = __atomic_load_n((const uint16_t *)(const void *)p,
				     __ATOMIC_ACQUIRE);

	return (uint16_t)VSU_LE16_SWAP_(v);
}

static inline void ring_store16(unsigned char *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)(void *)p, (uint16_t)VSU_LE16_SWAP_(v),
			 __ATOMIC_RELAXED);
}

static inline void ring_store16_release(unsigned char *p, uint16_t v)
{
	__atomic_store_n((uint16_t *)(void *)p, (uint16_t)VSU_LE16_SWAP_(v),
			 __ATOMIC_RELEASE);
}

static inline struct ring_desc ring_load_desc(const unsigned char *p)
{
	struct ring_desc d;

	d.addr = ring_load64(p);
	d.len = ring_load_half(p + 8);
	d.tail = (uint32_t)ring_load_half(p + 12);
	return d;
}

/* Completes a descriptor whose last word was loaded before. */
static inline struct ring_desc ring_desc_of(const unsigned char *p,
					    uint32_t tail)
{
	struct ring_desc d;

	d.addr = ring_load64(p);
	d.len = ring_load_half(p + 8);
	d.tail = tail;
	return d;
}

static inline void ring_store_desc(unsigned char *p, uint64_t addr,
				   uint64_t word)
{
	ring_store64(p, addr);
	ring_store64(p + 8, word);
}

static inline uint16_t split_desc_flags(struct ring_desc d)
{
	return (uint16_t)d.tail;
}

static inline uint16_t split_desc_next(struct ring_desc d)
{
	return (uint16_t)(d.tail >> 16);
}

static inline uint16_t packed_desc_id(struct ring_desc d)
{
	return (uint16_t)d.tail;
}

static inline uint16_t packed_desc_flags(struct ring_desc d)
{
	return (uint16_t)(d.tail >> 16);
}

/* The second word of a descriptor; with the id of a used element in it (split). */
static inline uint64_t ring_word(uint32_t len, uint16_t third, uint16_t fourth)
{
	return (uint64_t)fourth << 48 | (uint64_t)third << 32 | len;
}

/*
 * Orders the store of an index and the load of the other side's event setting. Without
 * this fence both sides could miss a notification (store-load order, section 2.7.10).
 */
static inline void ring_fence(void)
{
#if defined(__clang__) && defined(__x86_64__) && !VSU_THREAD_SANITIZER
	/* as gcc compiles it; mfence, which clang uses, costs more than the rest of a turn */
	uint32_t here = 0;

	__asm__ __volatile__("lock orl $0, %0" : "+m"(here) : : "memory",
			     "cc");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/* True if the event index is in (old, now], modulo 2^16 (2.7.7.2). */
static inline bool ring_need_event(uint16_t event, uint16_t now, uint16_t old)
{
	return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

/*
 * Positions in a packed ring: a slot and a wrap counter, which is initially 1 (2.8.1). On a
 * circle of twice the ring's size, distances are subtractions.
 */
#define RING_WRAP	0x8000u		/* the bit of the wrap counter above 15 bits of the
					   slot */

static inline uint32_t ring_position(uint32_t size, uint32_t slot, bool wrap)
{
	return slot + (wrap ? 0 : size);
}

static inline uint32_t ring_distance(uint32_t size, uint32_t from, uint32_t to)
{
	return to >= from ? to - from : to + 2 * size - from;
}

/* True when the wrap counter flips. */
static inline bool ring_advance(uint32_t size, uint16_t *slot, uint32_t n)
{
	uint32_t to = *slot + n;
	bool wraps = VSU_UNLIKELY(to >= size);

	if (wraps)
		to -= size;
	*slot = (uint16_t)to;
	return wraps;
}

static inline void ring_step(uint32_t size, uint16_t *slot, bool *wrap,
			     uint32_t n)
{
	if (ring_advance(size, slot, n))
		*wrap = !*wrap;
}

/* The flags that make a slot available, or used, under a wrap counter. */
static inline uint16_t ring_avail_flags(bool wrap)
{
	return wrap ? RING_DESC_AVAIL : RING_DESC_USED;
}

static inline uint16_t ring_used_flags(bool wrap)
{
	return wrap ? RING_DESC_AVAIL | RING_DESC_USED : 0;
}

/* The flags in the loaded word, the tail of a descriptor. */
#define RING_TAIL_FLAGS	((RING_DESC_AVAIL | RING_DESC_USED) << 16)

static inline uint32_t ring_avail_tail(bool wrap)
{
	return (uint32_t)ring_avail_flags(wrap) << 16;
}

static inline bool ring_tail_is_available(uint32_t tail, bool wrap)
{
	return (tail & RING_TAIL_FLAGS) == ring_avail_tail(wrap);
}

static inline bool ring_word_is_used(uint64_t word, bool wrap)
{
	uint16_t both = (uint16_t)(word >> 48) &
			(RING_DESC_AVAIL | RING_DESC_USED);

	return both == ring_used_flags(wrap);
}

/* Parts of a loaded event structure (2.8.10). */
static inline uint32_t ring_event_flags(uint32_t event)
{
	return event >> 16 & 3;
}

/*
 * True if an event structure that is not RING_EVENT_DISABLE requests a notification for the
 * n slots before now. Invalid content means "always".
 */
static inline bool ring_packed_wants(uint32_t event, uint32_t size,
				     bool has_event_idx, uint32_t now,
				     uint32_t n)
{
	uint32_t slot = event & (RING_WRAP - 1);

	if (ring_event_flags(event) != RING_EVENT_DESC || !has_event_idx ||
	    slot >= size)
		return true;
	event = ring_position(size, slot, event & RING_WRAP);
	return ring_distance(size, event, now) - 1 < n;
}

#endif

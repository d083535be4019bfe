/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The smallest loops that serve a ring of a driver that nobody trusts. Each check of
 * virtio-queue is here:
 *
 *	memory		the map of guest memory is the current one
 *	index		the available index advances by the size of the ring at most
 *	head		a head or buffer id is below the size, and not in flight
 *	loads		each shared field is loaded once, whatever its value is used for
 *	next		a link stays within its table
 *	steps		a chain has no more steps than the ring or its table has entries
 *	room		nor more pieces than the array
 *	order		no readable descriptor follows a writable one
 *	indirect	negotiated, not nested, not with NEXT, whole entries, no more than
 *			the size, in one range of memory
 *	buffer		its first and last byte are in one range; sums do not overflow
 *	access		that range permits reading and writing, as the device needs
 *	length		the bytes of a chain fit in 32 bits
 *	slots		packed: the chains in flight leave slots for the next one
 *	return		a chain that is returned alone is in flight
 *
 * The loops omit the rest of the library: buffers in several pieces, empty buffers, faults
 * of single requests, in-order rings, counters, the dirty log, messages, a change of the
 * map. A chain that needs one of these ends the program, as a failed check does.
 */
#include <config.h>

#include <string.h>

#include <vmm-sys-util/attributes.h>

#include "bench.h"
#include "floor.h"
#include "queue_floor.h"

#define INLINE static inline __attribute__((always_inline))

#define NEXT		1u
#define WRITE		2u
#define INDIRECT	4u
#define AVAIL		0x80u
#define USED		0x8000u
#define LAP_FLAGS	((AVAIL | USED) << 16)	/* in a tail */
#define DESC_SIZE	16u

/* tail: flags and link, in the packed format id and flags */
struct desc {
	uint64_t addr, len;
	uint32_t tail;
};

static noreturn __attribute__((cold)) void bad(const char *what)
{
	floor_die(what);
}

INLINE void demand(bool good, const char *what)
{
	if (VSU_UNLIKELY(!good))
		bad(what);
}

/* The compiler does not load the value again. */
INLINE uint64_t loaded(uint64_t v)
{
	__asm__("" : "+r"(v));
	return v;
}

INLINE uint64_t load64(const unsigned char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return loaded(v);
}

INLINE uint32_t load32(const unsigned char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return (uint32_t)loaded(v);
}

INLINE uint16_t load16_acquire(const unsigned char *p)
{
	return __atomic_load_n((const uint16_t *)(const void *)p,
			       __ATOMIC_ACQUIRE);
}

INLINE uint32_t load32_acquire(const unsigned char *p)
{
	return __atomic_load_n((const uint32_t *)(const void *)p,
			       __ATOMIC_ACQUIRE);
}

INLINE struct desc load_desc(const unsigned char *p, uint32_t tail)
{
	return (struct desc){ load64(p), load32(p + 8), tail };
}

/* A length of 0 is in no range. */
INLINE bool holds(const struct vmem_range *r, uint64_t gpa, uint64_t len)
{
	uint64_t rest;

	return !__builtin_sub_overflow(r->span, gpa - r->first, &rest) &&
	       len - 1 <= rest;
}

/* Only ranges that permit all access are remembered. */
static __attribute__((noinline)) const struct vmem_range *
search(const struct vmem_view *view, uint64_t gpa, uint64_t len)
{
	const struct vmem_range *r = view->ranges;
	uint32_t i;

	for (i = 0; i < view->n; i++, r++)
		if (holds(r, gpa, len) && r->flags == (VMEM_READ | VMEM_WRITE))
			return r;
	bad("an address");
}

/* *last is a copy of f->last, which is stored only when it changes. */
INLINE unsigned char *host(struct queue_floor *f,
			   const struct vmem_range **last, uint64_t gpa,
			   uint64_t len)
{
	if (VSU_UNLIKELY(!holds(*last, gpa, len)))
		*last = f->last = search(f->view, gpa, len);
	return (*last)->hva + (gpa - (*last)->first);
}

/* The position of flags in a tail. */
INLINE uint32_t flag(bool packed, uint32_t bits)
{
	return packed ? bits << 16 : bits;
}

struct walk {
	const struct vmem_range *last;
	const unsigned char *table, *here;
	uint32_t entries, writing;
	struct iovec *iov;
	const struct iovec *end;	/* of the steps and of the array */
	uint64_t bytes;
};

INLINE void limit(struct walk *w, uint32_t steps)
{
	if ((size_t)(w->end - w->iov) > steps)
		w->end = w->iov + steps;
}

INLINE struct desc open_table(struct queue_floor *f, struct walk *w,
			      bool packed, struct desc d)
{
	uint32_t n = (uint32_t)d.len / DESC_SIZE;

	demand(n - 1 < f->table_limit &&
	       !(d.len % DESC_SIZE | (d.tail & flag(packed, NEXT))),
	       "an indirect table");
	demand(w->iov != w->end, "a loop");
	w->table = w->here = host(f, &w->last, d.addr, d.len);
	w->entries = n;
	limit(w, n);
	return load_desc(w->table, load32(w->table + 12));
}

INLINE void start_writing(struct queue_floor_chain *c, struct walk *w,
			  bool packed)
{
	demand(!w->writing, "the order");
	w->writing = flag(packed, WRITE);
	c->readable = (uint32_t)(w->iov - c->iov);
	c->readable_len = (uint32_t)w->bytes;
}

/* True if another descriptor follows, at *at. */
INLINE bool next_of(const struct walk *w, bool packed, bool nested,
		    struct desc d, uint32_t *at)
{
	if (packed && nested)
		return ++*at < w->entries;
	if (!(d.tail & flag(packed, NEXT)))
		return false;
	if (packed) {
		*at = *at + 1 == w->entries ? 0 : *at + 1;
	} else {
		*at = d.tail >> 16;
		demand(*at < w->entries, "a link");
	}
	return true;
}

/* Returns the last descriptor, or one that refers to a table. */
INLINE struct desc walk_table(struct queue_floor *f,
			      struct queue_floor_chain *c, struct walk *w,
			      bool packed, bool nested, struct desc d,
			      uint32_t at)
{
	uint32_t from;

	for (;;) {
		if (VSU_UNLIKELY((d.tail ^ w->writing) &
				 flag(packed, WRITE | INDIRECT))) {
			if (d.tail & flag(packed, INDIRECT))
				return d;
			start_writing(c, w, packed);
		}
		demand(w->iov != w->end, "a loop");
		w->iov->iov_base = host(f, &w->last, d.addr, d.len);
		w->iov++->iov_len = d.len;
		w->bytes += d.len;
		from = at;
		if (!next_of(w, packed, nested, d, &at))
			return d;
		/* predicted, so that it is loaded before the link is */
		if (VSU_LIKELY(at == from + 1))
			w->here += DESC_SIZE;
		else
			w->here = w->table + at * DESC_SIZE;
		d = load_desc(w->here, load32(w->here + 12));
	}
}

INLINE void fill(struct queue_floor_chain *c, const struct walk *w)
{
	demand(w->bytes <= UINT32_MAX, "a length");
	c->pieces = (uint32_t)(w->iov - c->iov);
	c->len = (uint32_t)w->bytes;
	if (!w->writing) {
		c->readable = c->pieces;
		c->readable_len = c->len;
	}
}

INLINE void walk_nested(struct queue_floor *f, struct queue_floor_chain *c,
			struct walk *w, bool packed, struct desc d)
{
	d = open_table(f, w, packed, d);
	d = walk_table(f, c, w, packed, true, d, 0);
	demand(!(d.tail & flag(packed, INDIRECT)), "a table in a table");
	fill(c, w);
}

/* Returns the tail of the last slot, which has the id of a packed ring. */
INLINE uint32_t walk(struct queue_floor *f, struct queue_floor_chain *c,
		     bool packed, struct desc d, uint32_t at)
{
	struct walk w = { f->last, f->desc, f->desc + at * DESC_SIZE, f->size, 0, c->iov,
			  c->iov + c->iov_max, 0 };
	uint32_t tail;

	limit(&w, packed ? f->size - f->used_slots : f->size);
	d = walk_table(f, c, &w, packed, false, d, at);
	tail = d.tail;
	c->slots = (uint16_t)(w.iov - c->iov);
	if (tail & flag(packed, INDIRECT)) {
		c->slots++;
		walk_nested(f, c, &w, packed, d);
	} else {
		fill(c, &w);
	}
	return tail;
}

/* The walk of a chain that is one table. */
INLINE uint32_t walk_alone(struct queue_floor *f, struct queue_floor_chain *c,
			   bool packed, struct desc d)
{
	struct walk w = { f->last, NULL, NULL, 0, 0, c->iov, c->iov + c->iov_max, 0 };

	c->slots = 1;
	walk_nested(f, c, &w, packed, d);
	return d.tail;
}

#define OUTLINE static __attribute__((noinline)) uint32_t

OUTLINE walk_split(struct queue_floor *f, struct queue_floor_chain *c,
		   uint64_t addr, uint64_t len, uint32_t tail, uint32_t at)
{
	return walk(f, c, false, (struct desc){ addr, len, tail }, at);
}

OUTLINE walk_packed(struct queue_floor *f, struct queue_floor_chain *c,
		    uint64_t addr, uint64_t len, uint32_t tail, uint32_t at)
{
	return walk(f, c, true, (struct desc){ addr, len, tail }, at);
}

OUTLINE walk_split_alone(struct queue_floor *f, struct queue_floor_chain *c,
			 uint64_t addr, uint64_t len, uint32_t tail)
{
	return walk_alone(f, c, false, (struct desc){ addr, len, tail });
}

OUTLINE walk_packed_alone(struct queue_floor *f, struct queue_floor_chain *c,
			  uint64_t addr, uint64_t len, uint32_t tail)
{
	return walk_alone(f, c, true, (struct desc){ addr, len, tail });
}

/* True if the chain is one buffer, as nearly every request of some devices. */
INLINE bool single(struct queue_floor *f, struct queue_floor_chain *c,
		   bool packed, struct desc d)
{
	const struct vmem_range *last = f->last;
	bool reads = !(d.tail & flag(packed, WRITE));

	if ((d.tail & flag(packed, NEXT | INDIRECT)) || !c->iov_max)
		return false;
	c->iov->iov_base = host(f, &last, d.addr, d.len);
	c->iov->iov_len = d.len;
	c->slots = 1;
	c->pieces = 1;
	c->readable = reads;
	c->len = (uint32_t)d.len;
	c->readable_len = reads ? (uint32_t)d.len : 0;
	return true;
}

/* The chains that a loop takes. It has less to keep in registers if it takes one kind. */
enum kind { SINGLE, WALKED, ANY };

INLINE uint32_t walk_out_of_line(struct queue_floor *f,
				 struct queue_floor_chain *c, bool packed,
				 struct desc d, uint32_t at)
{
	if (d.tail & flag(packed, INDIRECT))
		return packed ? walk_packed_alone(f, c, d.addr, d.len, d.tail) :
			walk_split_alone(f, c, d.addr, d.len, d.tail);
	return packed ? walk_packed(f, c, d.addr, d.len, d.tail, at) :
		walk_split(f, c, d.addr, d.len, d.tail, at);
}

/* False if the chain is of another kind, else with the tail of its last slot. */
INLINE bool take(struct queue_floor *f, struct queue_floor_chain *c,
		 enum kind kind, bool packed, struct desc d, uint32_t at,
		 uint32_t *tail)
{
	*tail = d.tail;
	if (kind != WALKED && single(f, c, packed, d))
		return true;
	if (kind == SINGLE)
		return false;
	if (kind == ANY)
		*tail = walk_out_of_line(f, c, packed, d, at);
	else if (d.tail & flag(packed, INDIRECT))
		walk_alone(f, c, packed, d);
	else
		*tail = walk(f, c, packed, d, at);
	return true;
}

INLINE void check_free(const struct queue_floor *f, uint32_t head)
{
	demand(head < f->size && !f->out[head], "a head");
}

INLINE void take_out(struct queue_floor *f, struct queue_floor_chain *c,
		     uint32_t head)
{
	f->out[head] = 1;
	c->head = (uint16_t)head;
}

INLINE void check_out(const struct queue_floor *f,
		      const struct queue_floor_chain *c)
{
	demand(c->head < f->size && f->out[c->head], "a returned chain");
}

/* Members that a loop keeps in registers. */
struct split {
	unsigned char *heads, *desc, *used;
	uint32_t mask;
	uint16_t avail, next_used;
};

INLINE struct split split_begin(const struct queue_floor *f)
{
	return (struct split){ f->driver + 4, f->desc, f->device + 4,
			       f->size - 1, f->next_avail, f->next_used };
}

INLINE void split_end(struct queue_floor *f, const struct split *s)
{
	f->next_avail = s->avail;
	f->next_used = s->next_used;
}

INLINE void wait_for(struct queue_floor *f, uint16_t avail, uint32_t n)
{
	if ((uint16_t)(f->avail_idx - avail) >= n)
		return;
	f->avail_idx = load16_acquire(f->driver + 2);
	n = (uint16_t)(f->avail_idx - avail);
	demand(n && n <= f->size, "an index");
}

INLINE bool pop_split(struct queue_floor *f, struct split *s,
		      struct queue_floor_chain *c, enum kind kind)
{
	uint32_t head = load16_acquire(s->heads + 2 * (s->avail & s->mask));
	const unsigned char *at = s->desc + head * DESC_SIZE;
	uint32_t tail;

	check_free(f, head);
	if (!take(f, c, kind, false, load_desc(at, load32(at + 12)), head,
		  &tail))
		return false;
	take_out(f, c, head);
	s->avail++;
	return true;
}

INLINE void push_split(struct queue_floor *f, struct split *s,
		       const struct queue_floor_chain *c, uint32_t written)
{
	uint64_t element = c->head | (uint64_t)written << 32;

	f->out[c->head] = 0;
	memcpy(s->used + (s->next_used++ & s->mask) * 8u, &element, 8);
}

INLINE void publish_split(struct queue_floor *f, const struct split *s)
{
	__atomic_store_n((uint16_t *)(void *)(s->used - 2), s->next_used,
			 __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	f->calls += !(load16_acquire(s->heads - 4) & 1);
}

INLINE void check_memory(const struct queue_floor *f)
{
	demand(__atomic_load_n(f->generation, __ATOMIC_ACQUIRE) == f->seen,
	       "the memory");
}

INLINE void each_split(struct queue_floor *f, uint32_t n)
{
	struct queue_floor_chain *c = f->chains;
	struct split s = split_begin(f);

	while (n--) {
		check_memory(f);
		wait_for(f, s.avail, 1);
		pop_split(f, &s, c, ANY);
		bench_use(c->iov);
		check_out(f, c);
		push_split(f, &s, c, c->len);
		publish_split(f, &s);
	}
	split_end(f, &s);
}

INLINE void batch_split(struct queue_floor *f, uint32_t n)
{
	struct queue_floor_chain *c = f->chains, *end = c + n;
	struct split s = split_begin(f);

	check_memory(f);
	wait_for(f, s.avail, n);
	while (c < end && pop_split(f, &s, c, SINGLE))
		c++;
	for (; c < end; c++)
		pop_split(f, &s, c, WALKED);
	for (c = f->chains; c < end; c++) {
		bench_use(c->iov);
		push_split(f, &s, c, c->len);
	}
	publish_split(f, &s);
	split_end(f, &s);
}

/* Members that a loop keeps in registers; flags are those of the current lap. */
struct packed {
	unsigned char *desc, *at, *used, *end;
	uint32_t avail_flags;
	uint64_t used_flags;
};

INLINE struct packed packed_begin(const struct queue_floor *f)
{
	return (struct packed){ f->desc, f->desc + f->next_avail * DESC_SIZE,
				f->desc + f->next_used * DESC_SIZE,
				f->desc + f->size * DESC_SIZE,
				f->avail_flags, f->used_flags };
}

INLINE uint16_t slot_of(const struct packed *p, const unsigned char *at)
{
	return (uint16_t)((at - p->desc) / DESC_SIZE);
}

INLINE void packed_end(struct queue_floor *f, const struct packed *p)
{
	f->next_avail = slot_of(p, p->at);
	f->next_used = slot_of(p, p->used);
	f->avail_flags = p->avail_flags;
	f->used_flags = p->used_flags;
}

/* True if the step crosses the end of the ring. */
INLINE bool step(const struct packed *p, unsigned char **at, uint32_t n)
{
	*at += n * DESC_SIZE;
	if (VSU_LIKELY(*at < p->end))
		return false;
	*at -= p->end - p->desc;
	return true;
}

INLINE bool pop_packed(struct queue_floor *f, struct packed *p,
		       struct queue_floor_chain *c, enum kind kind)
{
	uint32_t tail = load32_acquire(p->at + 12);

	demand((tail & LAP_FLAGS) == p->avail_flags, "a chain");
	demand(f->used_slots < f->size, "the slots");
	if (!take(f, c, kind, true, load_desc(p->at, tail), slot_of(p, p->at),
		  &tail))
		return false;
	check_free(f, tail & 0xffff);
	take_out(f, c, tail & 0xffff);
	f->used_slots += c->slots;
	if (step(p, &p->at, c->slots))
		p->avail_flags ^= LAP_FLAGS;
	return true;
}

/* Returns the second word of a used slot. */
INLINE uint64_t push_packed(struct queue_floor *f, struct packed *p,
			    const struct queue_floor_chain *c,
			    uint32_t written)
{
	uint64_t flags = p->used_flags | (written ? (uint64_t)WRITE << 48 : 0);

	f->out[c->head] = 0;
	f->used_slots -= c->slots;
	if (step(p, &p->used, c->slots))
		p->used_flags ^= (uint64_t)LAP_FLAGS << 32;
	return flags | (uint64_t)c->head << 32 | written;
}

INLINE void publish_packed(struct queue_floor *f, unsigned char *slot,
			   uint64_t word)
{
	__atomic_store_n((uint64_t *)(void *)(slot + 8), word, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	f->calls += (load32(f->driver) >> 16 & 3) != 1;
}

INLINE void each_packed(struct queue_floor *f, uint32_t n)
{
	struct queue_floor_chain *c = f->chains;
	struct packed p = packed_begin(f);
	unsigned char *slot;

	while (n--) {
		check_memory(f);
		pop_packed(f, &p, c, ANY);
		bench_use(c->iov);
		check_out(f, c);
		slot = p.used;
		publish_packed(f, slot, push_packed(f, &p, c, c->len));
	}
	packed_end(f, &p);
}

/* The driver sees the first used slot last, and with it the others. */
INLINE void batch_packed(struct queue_floor *f, uint32_t n)
{
	struct queue_floor_chain *c = f->chains, *end = c + n;
	struct packed p = packed_begin(f);
	unsigned char *first = p.used, *slot;
	uint64_t first_word, word;

	check_memory(f);
	while (c < end && pop_packed(f, &p, c, SINGLE))
		c++;
	for (; c < end; c++)
		pop_packed(f, &p, c, WALKED);
	c = f->chains;
	bench_use(c->iov);
	first_word = push_packed(f, &p, c, c->len);
	for (c++; c < end; c++) {
		bench_use(c->iov);
		slot = p.used;
		word = push_packed(f, &p, c, c->len);
		memcpy(slot + 8, &word, sizeof(word));
	}
	publish_packed(f, first, first_word);
	packed_end(f, &p);
}

void queue_floor_init(struct queue_floor *f)
{
	uint32_t i;

	f->last = search(f->view, 0, 1);
	f->next_avail = f->avail_idx = f->next_used = 0;
	f->avail_flags = AVAIL << 16;
	f->used_flags = (uint64_t)LAP_FLAGS << 32;
	f->used_slots = f->calls = 0;
	memset(f->out, 0, sizeof(f->out));
	for (i = 0; i < QUEUE_FLOOR_BATCH; i++) {
		f->chains[i].iov = f->iov[i];
		f->chains[i].iov_max = QUEUE_FLOOR_PIECES;
	}
}

void queue_floor_each(struct queue_floor *f, uint32_t n)
{
	if (f->packed)
		each_packed(f, n);
	else
		each_split(f, n);
}

void queue_floor_batch(struct queue_floor *f, uint32_t n)
{
	if (f->packed)
		batch_packed(f, n);
	else
		batch_split(f, n);
}

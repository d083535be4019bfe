/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The obvious ring; see reference.h. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "le.h"
#include "reference.h"

#define NEXT		1u
#define WRITE		2u
#define INDIRECT	4u

static uint64_t get(const struct ref *r, uint64_t at, unsigned int bytes)
{
	return le_get(r->mem + at, bytes);
}

static void put(struct ref *r, uint64_t at, uint64_t v, unsigned int bytes)
{
	le_put(r->mem + at, v, bytes);
}

void ref_init(struct ref *r, unsigned char *mem, uint64_t mem_len,
	      const struct vq_config *config)
{
	memset(r, 0, sizeof(*r));
	r->mem = mem;
	r->mem_len = mem_len;
	r->config = *config;
	r->packed = config->features & VQ_F_RING_PACKED;
	r->event_idx = config->features & VQ_F_EVENT_IDX;
	r->indirect = config->features & VQ_F_INDIRECT_DESC;
	r->in_order = config->features & VQ_F_IN_ORDER;
}

static int breaks(struct ref *r, enum vq_broken why)
{
	r->broken = why;
	return -EFAULT;
}

static bool in_memory(const struct ref *r, uint64_t gpa, uint64_t len)
{
	return gpa <= r->mem_len && len <= r->mem_len - gpa;
}

/* One buffer: into the list of its kind, unless one before it was bad. */
static void take_buffer(struct ref *r, struct ref_chain *c, uint64_t gpa,
			uint32_t len, bool write)
{
	uint32_t kind = write ? VMEM_WRITE : VMEM_READ;
	struct ref_piece *p = &c->piece[c->nreadable + c->nwritable];

	if (!len || (c->bad & kind))
		return;
	if (!in_memory(r, gpa, len)) {
		c->bad |= kind;
		if (!c->why)
			c->why = gpa > UINT64_MAX - (len - 1) ?
				 VQ_FAULT_WRAPS : VQ_FAULT_UNMAPPED;
		return;
	}
	p->gpa = gpa;
	p->len = len;
	if (write) {
		c->nwritable++;
		c->writable_len += len;
	} else {
		c->nreadable++;
		c->readable_len += len;
	}
}

struct state {
	uint64_t table, entries, at;
	bool nested, writing;
	uint64_t total;
	uint32_t ndesc;		/* buffers */
	uint32_t nslots;	/* in the ring */
	uint16_t id;
};

static uint32_t longest(const struct ref *r)
{
	return r->config.max_chain > r->config.size ? r->config.max_chain :
	       r->config.size;
}

static int open_table(struct ref *r, struct state *s, uint64_t gpa,
		      uint32_t len, unsigned int flags, bool no_slot)
{
	if (!r->indirect || s->nested || (flags & NEXT))
		return breaks(r, VQ_BROKEN_INDIRECT);
	if (!len || len % 16 || len / 16 > longest(r))
		return breaks(r, VQ_BROKEN_TABLE);
	if (no_slot)
		return breaks(r, VQ_BROKEN_LOOP);
	if (!in_memory(r, gpa, len))
		return breaks(r, VQ_BROKEN_TABLE_MEMORY);
	s->table = gpa;
	s->entries = len / 16;
	s->at = 0;
	s->nested = true;
	return 0;
}

/* 1: there is one more; 0: that was the last. */
static int one_desc(struct ref *r, struct state *s, struct ref_chain *c,
		    uint64_t free_slots)
{
	uint64_t d = s->table + 16 * s->at;
	uint64_t gpa = get(r, d, 8);
	uint32_t len = (uint32_t)get(r, d + 8, 4);
	unsigned int third = (unsigned int)get(r, d + 12, 2);
	unsigned int fourth = (unsigned int)get(r, d + 14, 2);
	unsigned int flags = r->packed ? fourth : third;
	bool more = r->packed && s->nested ? s->at + 1 < s->entries :
		    flags & NEXT;

	if (!s->nested)
		s->id = (uint16_t)third;
	if (flags & INDIRECT) {
		s->nslots += !s->nested;
		return open_table(r, s, gpa, len, flags,
				  s->nslots > free_slots) < 0 ? -EFAULT : 1;
	}
	if (!(flags & WRITE) && s->writing)
		return breaks(r, VQ_BROKEN_ORDER);
	/* one descriptor more than the ring or the table has: a loop */
	s->nslots += !s->nested;
	s->ndesc++;
	if (s->nslots > free_slots || s->ndesc > longest(r) ||
	    (s->nested && s->ndesc - (s->nslots - 1) > s->entries))
		return breaks(r, VQ_BROKEN_LOOP);
	s->writing = flags & WRITE;
	s->total += len;
	take_buffer(r, c, gpa, len, s->writing);
	if (!more)
		return 0;
	s->at = !r->packed ? fourth : s->nested ? s->at + 1 :
		(s->at + 1) % r->config.size;
	return s->at >= s->entries ? breaks(r, VQ_BROKEN_NEXT) : 1;
}

static int walk(struct ref *r, struct state *s, struct ref_chain *c,
		uint64_t free_slots)
{
	int rc;

	memset(c, 0, sizeof(*c));
	s->table = r->config.desc_gpa;
	s->entries = r->config.size;
	do {
		rc = one_desc(r, s, c, free_slots);
	} while (rc == 1);
	if (rc == 0 && s->total > UINT32_MAX)
		rc = breaks(r, VQ_BROKEN_LENGTH);
	return rc;
}

static void taken(struct ref *r, struct ref_chain *c, uint16_t id,
		  uint32_t slots)
{
	c->head = id;
	r->out[id] = true;
	r->slots[id] = slots;
	r->avail += slots;
	r->order[r->came++ % r->config.size] = id;
}

static int pop_split(struct ref *r, struct ref_chain *c, unsigned int want)
{
	struct state s = { 0 };
	uint64_t waiting = r->known - r->avail;
	uint16_t head;
	int rc;

	if (waiting < want) {
		waiting = (uint16_t)(get(r, r->config.driver_gpa + 2, 2) -
				     r->avail);
		if (waiting > r->config.size) {
			/* entries that were read stay known */
			r->known = r->avail;
			return breaks(r, VQ_BROKEN_INDEX);
		}
		r->known = r->avail + waiting;
	}
	if (!waiting)
		return 0;
	head = (uint16_t)get(r, r->config.driver_gpa + 4 +
			     2 * (r->avail % r->config.size), 2);
	if (head >= r->config.size)
		return breaks(r, VQ_BROKEN_HEAD);
	if (r->out[head])
		return breaks(r, VQ_BROKEN_TWICE);
	s.at = head;
	rc = walk(r, &s, c, r->config.size);
	if (rc < 0)
		return rc;
	taken(r, c, head, 1);
	return 1;
}

/* Odd laps have the wrap counter 0. */
static bool wrap_of(const struct ref *r, uint64_t pos)
{
	return pos / r->config.size % 2 == 0;
}

static bool next_is_available(const struct ref *r)
{
	uint64_t slot = r->avail % r->config.size;
	unsigned int flags = (unsigned int)get(r, r->config.desc_gpa +
					       16 * slot + 14, 2);
	bool wrap = wrap_of(r, r->avail);

	return (flags >> 7 & 1) == wrap && (flags >> 15) != wrap;
}

static int pop_packed(struct ref *r, struct ref_chain *c)
{
	struct state s = { .at = r->avail % r->config.size };
	uint64_t busy = r->avail - r->published;
	int rc;

	if (!next_is_available(r))
		return 0;
	if (busy >= r->config.size)
		return breaks(r, VQ_BROKEN_INDEX);
	rc = walk(r, &s, c, r->config.size - busy);
	if (rc < 0)
		return rc;
	if (s.id >= r->config.size)
		return breaks(r, VQ_BROKEN_HEAD);
	if (r->out[s.id])
		return breaks(r, VQ_BROKEN_TWICE);
	taken(r, c, s.id, s.nslots);
	return 1;
}

int ref_pop(struct ref *r, struct ref_chain *c, unsigned int want)
{
	if (r->broken)
		return -EFAULT;
	return r->packed ? pop_packed(r, c) : pop_split(r, c, want);
}

void ref_unpop(struct ref *r, const struct ref_chain *c)
{
	r->out[c->head] = false;
	r->avail -= r->slots[c->head];
	r->came--;
}

static void use(struct ref *r, uint16_t id, uint32_t written)
{
	uint64_t slot = r->used % r->config.size, at;
	unsigned int flags = wrap_of(r, r->used) ? 0x8080 : 0;

	r->out[id] = false;
	if (!r->packed) {
		at = r->config.device_gpa + 4 + 8 * slot;
		put(r, at, id, 4);
		put(r, at + 4, written, 4);
	} else {
		at = r->config.desc_gpa + 16 * slot;
		/* the first since the last publish is held back */
		if (r->used == r->published) {
			r->held[0] = id;
			r->held[1] = (uint16_t)(flags |
						   (written ? WRITE : 0));
			r->held[2] = (uint16_t)written;
			r->held[3] = (uint16_t)(written >> 16);
		} else {
			put(r, at + 8, written, 4);
			put(r, at + 12, id, 2);
			put(r, at + 14, flags | (written ? WRITE : 0), 2);
		}
	}
	r->used += r->slots[id];
}

void ref_push(struct ref *r, uint16_t id, uint32_t written)
{
	uint16_t first;

	if (r->broken)
		return;
	if (!r->in_order) {
		use(r, id, written);
		return;
	}
	r->waits[id] = true;
	r->written[id] = written;
	while (r->went < r->came) {
		first = r->order[r->went % r->config.size];
		if (!r->waits[first])
			return;
		r->waits[first] = false;
		use(r, first, r->written[first]);
		r->went++;
	}
}

/* True when the event lies among the positions from old up to now. */
static bool hits(uint64_t old, uint64_t now, uint64_t event, uint64_t circle)
{
	for (; old != now; old++)
		if (old % circle == event)
			return true;
	return false;
}

static bool wants_call_packed(const struct ref *r, uint64_t old)
{
	unsigned int where = (unsigned int)get(r, r->config.driver_gpa, 2);
	unsigned int flags = (unsigned int)get(r, r->config.driver_gpa + 2, 2);
	uint64_t slot = where & 0x7fff;

	if ((flags & 3) == 1)
		return false;
	if ((flags & 3) != 2 || !r->event_idx || slot >= r->config.size)
		return true;
	return hits(old, r->used, slot + (where >> 15 ? 0 : r->config.size),
		    2 * (uint64_t)r->config.size);
}

static bool wants_call_split(const struct ref *r, uint64_t old)
{
	if (!r->event_idx)
		return !(get(r, r->config.driver_gpa, 2) & 1);
	return hits(old, r->used, get(r, r->config.driver_gpa + 4 +
				      2 * (uint64_t)r->config.size, 2), 65536);
}

bool ref_publish(struct ref *r)
{
	uint64_t old = r->published, at;

	if (r->broken || r->used == old)
		return false;
	r->published = r->used;
	if (!r->packed) {
		put(r, r->config.device_gpa + 2, r->used, 2);
		return wants_call_split(r, old);
	}
	at = r->config.desc_gpa + 16 * (old % r->config.size);
	put(r, at + 8, r->held[2], 2);
	put(r, at + 10, r->held[3], 2);
	put(r, at + 12, r->held[0], 2);
	put(r, at + 14, r->held[1], 2);
	return wants_call_packed(r, old);
}

void ref_disable_notify(struct ref *r)
{
	if (r->broken)
		return;
	if (r->packed)
		put(r, r->config.device_gpa, 1 << 16, 4);
	else if (!r->event_idx)
		put(r, r->config.device_gpa, 1, 2);
}

bool ref_enable_notify(struct ref *r)
{
	if (r->broken)
		return false;
	if (!r->packed) {
		if (r->event_idx)
			put(r, r->config.device_gpa + 4 +
			    8 * (uint64_t)r->config.size, r->avail, 2);
		else
			put(r, r->config.device_gpa, 0, 2);
		return (uint16_t)r->avail !=
		       get(r, r->config.driver_gpa + 2, 2);
	}
	if (r->event_idx)
		put(r, r->config.device_gpa, r->avail % r->config.size |
		    (wrap_of(r, r->avail) ? 0x8000 : 0) | 2 << 16, 4);
	else
		put(r, r->config.device_gpa, 0, 4);
	return next_is_available(r);
}

uint32_t ref_base(const struct ref *r)
{
	if (!r->packed)
		return (uint16_t)r->avail;
	return (uint32_t)(r->avail % r->config.size |
			  (wrap_of(r, r->avail) ? 0x8000u : 0) |
			  (r->used % r->config.size) << 16 |
			  (wrap_of(r, r->used) ? 0x80000000u : 0));
}

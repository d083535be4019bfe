/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The driver of a ring for "check": requests that may be malformed, and what they change. */
#include <config.h>

#include <endian.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-queue/features.h>
#include <vmm-sys-util/event.h>

#include "check_case.h"

#define PACKED_AVAIL 0x80u
#define PACKED_USED 0x8000u
#define PACKED_EVENT 2u

/* Little-endian. */
struct wire_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t words[2];	/* flags and next; in a packed ring id and flags */
};

static struct check_ring *the_ring(struct check *c)
{
	return &c->rings[c->ring];
}

static unsigned char *area(struct check *c, unsigned int offset)
{
	return c->guest + c->ring * CHECK_RING_STRIDE + offset;
}

static bool is_packed(const struct check *c)
{
	return c->extra & VHOST_USER_F_RING_PACKED;
}

/* ------------------------------------------------------------------- memory */

/* A field of the ring, by its offset in it. */
static uint16_t get16(struct check *c, unsigned int offset)
{
	return le16toh(__atomic_load_n((uint16_t *)(void *)area(c, offset), __ATOMIC_ACQUIRE));
}

void check_put16(struct check *c, unsigned int offset, uint16_t value)
{
	__atomic_store_n((uint16_t *)(void *)area(c, offset), htole16(value), __ATOMIC_RELEASE);
}

void check_permit(struct check *c, uint64_t at, uint64_t n)
{
	if (c->permitted && at < CHECK_MEMORY_SIZE && n <= CHECK_MEMORY_SIZE - at)
		memset(c->permitted + at, 1, n);
}

bool check_remember(struct check *c)
{
	unsigned int i;

	if (c->before)
		return true;
	c->before = malloc(CHECK_MEMORY_SIZE);
	c->permitted = calloc(1, CHECK_MEMORY_SIZE);
	if (!c->before || !c->permitted)
		return check_skip(c, "no memory for a copy of the guest's");
	for (i = 0; i < CHECK_RINGS; i++) {
		check_permit(c, i * CHECK_RING_STRIDE + CHECK_USED,
			     is_packed(c) ? 4 : 6 + 8 * CHECK_RING_SIZE);
		if (is_packed(c))
			check_permit(c, i * CHECK_RING_STRIDE, 16 * CHECK_RING_SIZE);
	}
	return true;
}

bool check_untouched(struct check *c)
{
	size_t i;

	for (i = 0; c->before && i < CHECK_MEMORY_SIZE; i++)
		if (c->guest[i] != c->before[i] && !c->permitted[i])
			return check_fail(c, "the device wrote to %#zx, where no buffer is writable",
					  (size_t)CHECK_GUEST_ADDR + i);
	return true;
}

/* -------------------------------------------------------------------- offer */

static void permit_buffers(struct check *c, const struct check_desc *d, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (d[i].flags & CHECK_WRITE && !(d[i].flags & CHECK_INDIRECT))
			check_permit(c, d[i].addr - CHECK_GUEST_ADDR, d[i].len);
}

/* Writes the first n bytes of a descriptor. */
static void put_desc(unsigned char *to, size_t n, const struct check_desc *d, uint16_t first,
		     uint16_t second)
{
	const struct wire_desc wire = {
		htole64(d->addr), htole32(d->len), { htole16(first), htole16(second) }
	};

	memcpy(to, &wire, n);
}

/* Writes n descriptors, the first at index first of a table. */
static void put_split(unsigned char *table, unsigned int first, const struct check_desc *d,
		      unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		put_desc(table + 16 * ((first + i) % CHECK_RING_SIZE), 16, &d[i], d[i].flags,
			 (uint16_t)(first + i + 1 + d[i].next));
}

/* The flags of the first one are written last. */
static void put_packed(struct check *c, uint16_t id, const struct check_desc *d, unsigned int n)
{
	unsigned int i = n, at, offset;

	while (i-- > 0) {
		at = the_ring(c)->made + i;
		offset = 16 * (at % CHECK_RING_SIZE);
		put_desc(area(c, offset), 14, &d[i], id, 0);
		check_put16(c, offset + 14, (uint16_t)(d[i].flags |
			    (at / CHECK_RING_SIZE & 1 ? PACKED_USED : PACKED_AVAIL)));
	}
}

void check_table(struct check *c, unsigned int at, const struct check_desc *d, unsigned int n)
{
	unsigned int i;

	if (!is_packed(c))
		put_split(c->guest + at, 0, d, n);
	for (i = 0; is_packed(c) && i < n; i++)
		put_desc(c->guest + at + 16 * i, 16, &d[i], 0, d[i].flags);
	if (check_remember(c))
		permit_buffers(c, d, n);
}

bool check_offer(struct check *c, uint16_t head, const struct check_desc *d, unsigned int n)
{
	struct check_ring *r = the_ring(c);

	if (!check_remember(c))
		return false;
	permit_buffers(c, d, n);
	r->slots[head % CHECK_RING_SIZE] = (uint16_t)n;
	if (is_packed(c)) {
		put_packed(c, head, d, n);
		r->made = (uint16_t)(r->made + n);
		return true;
	}
	put_split(area(c, 0), head, d, n);
	check_put16(c, CHECK_AVAIL + 4 + 2 * (r->made % CHECK_RING_SIZE), head);
	check_put16(c, CHECK_AVAIL + 2, ++r->made);
	return true;
}

void check_kick(struct check *c)
{
	memcpy(c->before, c->guest, CHECK_MEMORY_SIZE);
	vsu_event_signal(the_ring(c)->kick);
}

/* By the device's flags, or by its event index. */
static bool demands_kick(struct check *c, uint16_t old)
{
	const bool packed = is_packed(c);
	const uint16_t made = the_ring(c)->made, word = get16(c, CHECK_USED + (packed ? 2 : 0));
	const unsigned int mask = packed ? 2 * CHECK_RING_SIZE - 1 : UINT16_MAX;
	unsigned int event;

	if (!(c->extra & VQ_F_EVENT_IDX) || (packed && word != PACKED_EVENT))
		return word != 1;
	event = get16(c, CHECK_USED + (packed ? 0 : 4 + 8 * CHECK_RING_SIZE));
	if (packed)
		event = (event & 0x7fff) + (event & 0x8000 ? 0 : CHECK_RING_SIZE);
	return ((made - event - 1) & mask) < ((made - old) & mask);
}

void check_kick_on_demand(struct check *c, uint16_t old)
{
	memcpy(c->before, c->guest, CHECK_MEMORY_SIZE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (demands_kick(c, old))
		vsu_event_signal(the_ring(c)->kick);
}

/* --------------------------------------------------------------------- used */

bool check_wait(struct check *c, uint64_t ms)
{
	struct pollfd p[] = { { .fd = the_ring(c)->call, .events = POLLIN },
			      { .fd = the_ring(c)->err, .events = POLLIN },
			      { .fd = c->sock, .events = POLLRDHUP } };

	if (poll(p, 3, (int)ms) <= 0)
		return false;
	vsu_event_drain(p[0].fd, NULL);
	return true;
}

static bool take_split(struct check *c, struct check_used *used)
{
	struct check_ring *r = the_ring(c);
	uint32_t elem[2];

	if (get16(c, CHECK_USED + 2) == r->seen)
		return false;
	memcpy(elem, area(c, CHECK_USED + 4 + 8 * (r->seen % CHECK_RING_SIZE)), 8);
	used->id = le32toh(elem[0]);
	used->len = le32toh(elem[1]);
	r->seen++;
	return true;
}

static bool take_packed(struct check *c, struct check_used *used)
{
	struct check_ring *r = the_ring(c);
	const unsigned int at = 16 * (r->seen % CHECK_RING_SIZE);
	const unsigned int want = r->seen / CHECK_RING_SIZE & 1 ? 0 : PACKED_AVAIL | PACKED_USED;
	struct wire_desc wire;

	if ((get16(c, at + 14) & (PACKED_AVAIL | PACKED_USED)) != want)
		return false;
	memcpy(&wire, area(c, at), 16);
	used->id = le16toh(wire.words[0]);
	/* The length is reserved in a used descriptor without this flag. */
	used->len = le16toh(wire.words[1]) & CHECK_WRITE ? le32toh(wire.len) : 0;
	r->seen = (uint16_t)(r->seen + r->slots[used->id % CHECK_RING_SIZE]);
	return true;
}

bool check_take(struct check *c, struct check_used *used)
{
	return is_packed(c) ? take_packed(c, used) : take_split(c, used);
}

/* ----------------------------------------------------------------- requests */

/* Buffers of at most cut bytes. */
static unsigned int pieces(struct check_desc *d, uint64_t at, uint32_t len, uint32_t cut,
			   uint16_t flags)
{
	unsigned int n = 0;
	uint32_t done, part;

	for (done = 0; done < len; done += part) {
		part = cut && cut < len - done ? cut : len - done;
		d[n++] = (struct check_desc){ at + done, part, flags | CHECK_NEXT, 0 };
	}
	return n;
}

uint16_t check_head(const struct check_shape *s, unsigned int slot)
{
	return (uint16_t)(slot * (s->cut ? CHECK_RING_SIZE / 2 : 4));
}

bool check_request(struct check *c, const struct check_shape *s, unsigned int slot,
		   const void *request, uint32_t len, uint32_t reply)
{
	const unsigned int place = slot * CHECK_SLOT, table = CHECK_TABLE + place + s->shift;
	struct check_desc d[CHECK_RING_SIZE];
	unsigned int n;

	memcpy(c->guest + CHECK_REQUEST + place, request, len);
	n = pieces(d, CHECK_GUEST_ADDR + CHECK_REQUEST + place, len, s->cut, 0);
	n += pieces(d + n, CHECK_GUEST_ADDR + CHECK_REPLY + place, reply, s->cut, CHECK_WRITE);
	d[n - 1].flags &= CHECK_WRITE;
	if (s->layout == CHECK_DIRECT)
		return check_offer(c, check_head(s, slot), d, n);
	check_table(c, table, d + s->direct, n - s->direct);
	d[s->direct] = (struct check_desc){ CHECK_GUEST_ADDR + table, 16 * (n - s->direct),
					    CHECK_INDIRECT | s->flags, 0 };
	return check_offer(c, check_head(s, slot), d, s->direct + 1);
}

bool check_used(struct check *c, struct check_used *used)
{
	const uint64_t end = vsu_now_ns() + c->timeout_ms * NS_PER_MS;

	while (!check_take(c, used))
		if (vsu_now_ns() >= end)
			return check_fail(c, "a request is not used within %u ms",
					  (unsigned int)c->timeout_ms);
		else
			(void)check_wait(c, 1);
	return check_untouched(c);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check-frontend" about what a front-end sends to a back-end without faults. */
#include <config.h>

#include <virtio-devices/ids.h>

#include "front.h"

#define PAGE UINT64_C(4096)
#define MAX_QUEUE 32768u
#define CONFIG_SPACE 256u

typedef const struct front_record *record;

/* A rule about each request with a number, judged on the record of front_plain. */
struct front_rule {
	uint32_t number;	/* 0: every request */
	bool never;		/* it is not sent; else a record without it skips the case */
	bool (*holds)(struct front *f, record r);
};

/* A predicate of the request r in the record of f. */
#define HOLDS(name, condition) \
	static bool name(struct front *f, record r) \
	{ \
		(void)f; \
		(void)r; \
		return condition; \
	}

/* -------------------------------------------------------------------- forms */

HOLDS(is_known, r->row)
HOLDS(has_version, (r->hdr.flags & VHOST_USER_HDR_VERSION_MASK) == VHOST_USER_HDR_VERSION)
HOLDS(is_no_reply, !(r->hdr.flags & VHOST_USER_HDR_REPLY))
HOLDS(has_no_other_flags,
      !(r->hdr.flags & ~(VHOST_USER_HDR_VERSION_MASK | VHOST_USER_HDR_REPLY | VHOST_USER_HDR_NEED_REPLY)))

static bool has_form(struct front *f, record r)
{
	struct vsu_error err;

	if (!r->row || r->hdr.size > FRONT_KEPT_BYTES ||
	    vhost_user_message_check(r->row, false, VHOST_USER_HDR_VERSION, r->payload,
				     r->hdr.size, r->nfds, &err) == 0)
		return true;
	return check_fail(&f->c, "%s", err.msg);
}
HOLDS(may_need_reply,
      !(r->hdr.flags & VHOST_USER_HDR_NEED_REPLY) || r->protocol & PF(REPLY_ACK) || (r->row &&
      r->row->reply != VHOST_USER_REPLY_ACK))

/* -------------------------------------------------------------- negotiation */

HOLDS(offer_was_read, front_before(f, r, VHOST_USER_GET_FEATURES))
HOLDS(features_were_offered, !(r->u64 & ~f->script->features))
HOLDS(protocol_was_read, front_before(f, r, VHOST_USER_GET_PROTOCOL_FEATURES))
HOLDS(protocol_was_offered, !(r->u64 & ~f->script->protocol))

HOLDS(protocol_is_whole, !check_protocol_lacks(r->u64))
HOLDS(was_negotiated,
      !r->row || r->row->protocol_bit == VHOST_USER_NO_BIT ||
      r->hdr.request == VHOST_USER_SET_LOG_BASE || r->protocol >> r->row->protocol_bit & 1)

static bool was_acknowledged(struct front *f, record r)
{
	record features = front_before(f, r, VHOST_USER_SET_FEATURES);

	return features && features->u64 & VHOST_USER_F_PROTOCOL_FEATURES;
}
HOLDS(is_first_owner, !front_before(f, r, VHOST_USER_SET_OWNER))
HOLDS(has_owner, front_before(f, r, VHOST_USER_SET_OWNER))
HOLDS(is_never_sent, false)

/* ------------------------------------------------------------------- memory */

struct regions {
	unsigned int n;
	struct vhost_user_mem_region list[FRONT_SLOTS + VHOST_USER_MAX_REGIONS];
};

static void apply(struct regions *all, record r)
{
	unsigned int i;

	if (r->hdr.request == VHOST_USER_SET_MEM_TABLE)
		for (all->n = 0; all->n < r->table.nregions && all->n < VHOST_USER_MAX_REGIONS; all->n++)
			all->list[all->n] = r->table.regions[all->n];
	if (r->hdr.request == VHOST_USER_ADD_MEM_REG && all->n < FRONT_SLOTS + 1)
		all->list[all->n++] = r->slot.region;
	if (r->hdr.request == VHOST_USER_REM_MEM_REG)
		for (i = 0; i < all->n; i++)
			if (all->list[i].guest_addr == r->slot.region.guest_addr)
				all->list[i--] = all->list[--all->n];
}

/* The regions before the request r, or behind it. */
static struct regions regions_at(struct front *f, record r, bool behind)
{
	struct regions all = { .n = 0 };
	record m;

	for (m = front_next(f, NULL, 0); m && m < r; m = front_next(f, m, 0))
		apply(&all, m);
	if (behind)
		apply(&all, r);
	return all;
}

/* Guest addresses, or user addresses, are in one region. */
static bool are_apart(struct front *f, record r, bool by_user)
{
	const struct regions all = regions_at(f, r, true);
	unsigned int i, j;
	uint64_t a, b;

	for (i = 0; i < all.n; i++)
		for (j = 0; j < all.n; j++) {
			a = by_user ? all.list[i].user_addr : all.list[i].guest_addr;
			b = by_user ? all.list[j].user_addr : all.list[j].guest_addr;
			if (i != j && a >= b && a - b < all.list[j].size)
				return false;
		}
	return true;
}
HOLDS(regions_are_apart, are_apart(f, r, false))
HOLDS(regions_are_apart_there, are_apart(f, r, true))

static bool regions_are_possible(struct front *f, record r)
{
	const struct regions all = regions_at(f, r, true);
	const struct vhost_user_mem_region *m;

	for (m = all.list; m < all.list + all.n; m++)
		if (!m->size || m->guest_addr + m->size - 1 < m->guest_addr ||
		    m->user_addr + m->size - 1 < m->user_addr || m->mmap_offset % PAGE)
			return false;
	return all.n <= FRONT_SLOTS;
}

static bool is_in_file(const struct stat *file, uint64_t offset, uint64_t size)
{
	return !S_ISREG(file->st_mode) ||
	       ((uint64_t)file->st_size >= size && offset <= (uint64_t)file->st_size - size);
}

static bool table_is_in_files(struct front *f, record r)
{
	const struct vhost_user_mem_region *m;
	unsigned int i;

	(void)f;
	for (i = 0; i < r->nfds && i < r->table.nregions && i < VHOST_USER_MAX_REGIONS; i++) {
		m = &r->table.regions[i];
		if (!is_in_file(&r->fds[i], m->mmap_offset, m->size))
			return false;
	}
	return true;
}
HOLDS(slot_is_in_file,
      r->nfds == 1 && is_in_file(r->fds, r->slot.region.mmap_offset, r->slot.region.size))

static bool slot_was_added(struct front *f, record r)
{
	const struct regions all = regions_at(f, r, false);
	unsigned int i;

	for (i = 0; i < all.n; i++)
		if (all.list[i].guest_addr == r->slot.region.guest_addr &&
		    all.list[i].user_addr == r->slot.region.user_addr &&
		    all.list[i].size == r->slot.region.size)
			return true;
	return false;
}

static bool log_is_in_file(struct front *f, record r)
{
	const struct vhost_user_log *log = (const void *)r->payload;

	(void)f;
	return log->mmap_size && (!r->nfds || is_in_file(r->fds, log->mmap_offset, log->mmap_size));
}

/* -------------------------------------------------------------------- rings */

/* The last request before r with this number about the same ring. */
static record of_ring(struct front *f, record r, uint32_t number)
{
	record m, last = NULL;

	for (m = front_next(f, NULL, number); m && m < r; m = front_next(f, m, number))
		if ((m->state.index & VHOST_USER_VRING_INDEX_MASK) ==
		    (r->state.index & VHOST_USER_VRING_INDEX_MASK))
			last = m;
	return last;
}

static bool is_in_memory(const struct regions *all, uint64_t addr, uint64_t size)
{
	const struct vhost_user_mem_region *m;

	for (m = all->list; m < all->list + all->n; m++)
		if (addr >= m->user_addr && size <= m->size && addr - m->user_addr <= m->size - size)
			return true;
	return false;
}

static bool ring_is_in_memory(struct front *f, record r)
{
	const struct regions all = regions_at(f, r, false);
	record num = of_ring(f, r, VHOST_USER_SET_VRING_NUM);
	const uint64_t n = num ? num->state.num : 1;

	return is_in_memory(&all, r->addr.desc, 16 * n) &&
	       is_in_memory(&all, r->addr.avail, 4 + 2 * n) &&
	       is_in_memory(&all, r->addr.used, 4 + 8 * n);
}
HOLDS(ring_is_aligned,
      r->addr.desc % 16 == 0 && r->addr.avail % 2 == 0 && r->addr.used % 4 == 0)
HOLDS(ring_has_size, of_ring(f, r, VHOST_USER_SET_VRING_NUM))
HOLDS(ring_flags_are_known, !(r->addr.flags & ~VHOST_USER_VRING_F_LOG))
HOLDS(size_is_possible,
      r->state.num && r->state.num <= MAX_QUEUE && !(r->state.num & (r->state.num - 1)))
HOLDS(base_has_16_bits, r->state.num <= UINT16_MAX)

/* False between a start and the stop that follows it. */
static bool ring_is_stopped(struct front *f, record r)
{
	record start = of_ring(f, r, VHOST_USER_SET_VRING_KICK);
	record reset = front_before(f, r, VHOST_USER_RESET_DEVICE);

	return !start || of_ring(f, r, VHOST_USER_GET_VRING_BASE) > start || reset > start;
}
HOLDS(ring_is_possible, (r->state.index & VHOST_USER_VRING_INDEX_MASK) < FRONT_RINGS)
HOLDS(ring_has_addresses, of_ring(f, r, VHOST_USER_SET_VRING_ADDR))
HOLDS(ring_has_base, of_ring(f, r, VHOST_USER_SET_VRING_BASE))
HOLDS(ring_has_features, front_before(f, r, VHOST_USER_SET_FEATURES))

static bool is_enabled_later(struct front *f, record r)
{
	record m;

	if (!was_acknowledged(f, r))
		return true;
	for (m = front_next(f, NULL, VHOST_USER_SET_VRING_ENABLE); m;
	     m = front_next(f, m, VHOST_USER_SET_VRING_ENABLE))
		if (m->state.num == 1 && m->state.index == (r->u64 & VHOST_USER_VRING_INDEX_MASK))
			return true;
	return false;
}

/* An eventfd has no type among files; a pipe or a socket would serve as well. */
HOLDS(is_event,
      !r->nfds || (r->fds[0].st_mode & S_IFMT) == 0 || S_ISFIFO(r->fds[0].st_mode) ||
      S_ISSOCK(r->fds[0].st_mode))
HOLDS(is_boolean, r->state.num <= 1)
HOLDS(num_is_zero, r->state.num == 0)

/* ------------------------------------------------------------------- device */

HOLDS(config_is_in_space,
      r->config.size && r->config.offset <= CONFIG_SPACE &&
      r->config.size <= CONFIG_SPACE - r->config.offset && r->config.flags <= 1)
HOLDS(area_has_queues,
      r->inflight.num_queues && r->inflight.num_queues <= FRONT_RINGS &&
      r->inflight.queue_size && r->inflight.queue_size <= MAX_QUEUE)

static bool area_is_that_of_the_device(struct front *f, record r)
{
	record m, last = NULL;

	for (m = f->records; m < r; m++)
		if (m->reply && m->hdr.request == VHOST_USER_GET_INFLIGHT_FD)
			last = m;
	return last && r->nfds == 1 && r->fds[0].st_ino == last->fds[0].st_ino &&
	       r->inflight.mmap_size == last->inflight.mmap_size &&
	       r->inflight.mmap_offset == last->inflight.mmap_offset;
}

static bool no_ring_runs(struct front *f, record r)
{
	record start = front_before(f, r, VHOST_USER_SET_VRING_KICK);
	record stop = front_before(f, r, VHOST_USER_GET_VRING_BASE);

	return !start || stop > start;
}
HOLDS(is_socket, r->nfds == 1 && S_ISSOCK(r->fds[0].st_mode))
HOLDS(status_is_in_order,
      !(r->u64 & VIRTDEV_STATUS_DRIVER_OK) || r->u64 & VIRTDEV_STATUS_FEATURES_OK)

/* ---------------------------------------------------------------- judgement */

/* Fails by a sentence about the message. */
static void fail_by(struct front *f, const struct front_record *r)
{
	const uint32_t len = r->hdr.size < FRONT_KEPT_BYTES ? r->hdr.size : FRONT_KEPT_BYTES;
	char text[160] = "";

	if (r->row)
		vhost_user_message_describe(r->row, false, r->payload, len, text, sizeof(text));
	check_fail(&f->c, "message %zu of connection %u: %s %s",
		   (size_t)(r - f->records) + 1, r->connection,
		   vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, r->hdr.request), text);
}

static bool judge_rule(struct check *c)
{
	const struct front_rule *rule = c->row->with;
	struct front *f = front_of(c);
	const struct front_record *r;
	unsigned int seen = 0;

	if (!f->recorded)
		f->recorded = front_session(f, &front_plain);
	if (!f->recorded)
		return false;
	for (f->judged = 1; f->judged <= f->connection; f->judged++)
		for (r = front_next(f, NULL, rule->number); r;
		     r = front_next(f, r, rule->number)) {
			seen++;
			if (!rule->holds(f, r))
				fail_by(f, r);
		}
	return seen || rule->never ||
	       check_skip(c, "%s was not sent",
			  vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, rule->number));
}

/* -------------------------------------------------------------------- table */

#define STARTING "Starting and stopping rings"
#define REGIONS "Memory regions description"

#define RULE(name, rule, section, number, holds) \
	{ name, rule, section, 0, &(const struct front_rule){ VHOST_USER_##number, false, holds }, \
	  { judge_rule } }
#define EVERY(name, rule, section, holds) \
	{ name, rule, section, 0, &(const struct front_rule){ 0, false, holds }, { judge_rule } }

const struct check_case front_rules[] = {
	EVERY("form.known", "every request is known", TYPES, is_known),
	EVERY("form.version", "every message has version 1", HEADERS, has_version),
	EVERY("form.reply-flag", "no request has the flag of replies", HEADERS, is_no_reply),
	EVERY("form.flags", "reserved flags are zero", HEADERS, has_no_other_flags),
	EVERY("form.message", "payloads and descriptors are those of the requests", TYPES, has_form),
	EVERY("form.need-reply", "NEED_REPLY comes only with REPLY_ACK",
	      "VHOST_USER_PROTOCOL_F_REPLY_ACK", may_need_reply),
	RULE("features.read", "GET_FEATURES precedes SET_FEATURES", NEGOTIATION, SET_FEATURES,
	     offer_was_read),
	RULE("features.offered", "only offered features are acknowledged", NEGOTIATION,
	     SET_FEATURES, features_were_offered),
	RULE("features.enable", "SET_VRING_ENABLE comes only after bit 30 is acknowledged", STARTING,
	     SET_VRING_ENABLE, was_acknowledged),
	RULE("features.start", "SET_FEATURES precedes the start of a ring", NEGOTIATION,
	     SET_VRING_KICK, ring_has_features),
	RULE("protocol.offer", "protocol features are read after an offer of bit 30", PROTOCOL,
	     GET_PROTOCOL_FEATURES, offer_was_read),
	RULE("protocol.read", "GET_PROTOCOL_FEATURES precedes SET_PROTOCOL_FEATURES", PROTOCOL,
	     SET_PROTOCOL_FEATURES, protocol_was_read),
	RULE("protocol.offered", "only offered protocol features are acknowledged", PROTOCOL,
	     SET_PROTOCOL_FEATURES, protocol_was_offered),
	RULE("protocol.needs", "protocol features come with those that they need", PROTOCOL,
	     SET_PROTOCOL_FEATURES, protocol_is_whole),
	EVERY("protocol.requests", "requests of a protocol feature follow its negotiation", PROTOCOL,
	      was_negotiated),
	RULE("owner.once", "SET_OWNER is sent once", TYPES, SET_OWNER, is_first_owner),
	RULE("owner.ring", "SET_OWNER precedes rings", TYPES, SET_VRING_NUM, has_owner),
	RULE("owner.table", "SET_OWNER precedes SET_MEM_TABLE", TYPES, SET_MEM_TABLE, has_owner),
	RULE("owner.slot", "SET_OWNER precedes ADD_MEM_REG", TYPES, ADD_MEM_REG, has_owner),
	{ "owner.reset", "RESET_OWNER, which is deprecated, is not sent", TYPES, 0,
	  &(const struct front_rule){ VHOST_USER_RESET_OWNER, true, is_never_sent },
	  { judge_rule } },
	RULE("table.regions", "regions are not empty, end in 64 bits and begin at a page of their file",
	     REGIONS, SET_MEM_TABLE, regions_are_possible),
	RULE("table.guest", "guest addresses of regions are distinct", REGIONS, SET_MEM_TABLE,
	     regions_are_apart),
	RULE("table.user", "user addresses of regions are distinct", REGIONS, SET_MEM_TABLE,
	     regions_are_apart_there),
	RULE("table.file", "regions are inside their files", REGIONS, SET_MEM_TABLE,
	     table_is_in_files),
	RULE("slot.region", "a region is not empty, ends in 64 bits and begins at a page of its file",
	     REGIONS, ADD_MEM_REG, regions_are_possible),
	RULE("slot.guest", "guest addresses of regions are distinct", REGIONS, ADD_MEM_REG,
	     regions_are_apart),
	RULE("slot.user", "user addresses of regions are distinct", REGIONS, ADD_MEM_REG,
	     regions_are_apart_there),
	RULE("slot.file", "a region is inside its file", REGIONS, ADD_MEM_REG, slot_is_in_file),
	RULE("slot.remove", "only regions that were added are removed", REGIONS, REM_MEM_REG,
	     slot_was_added),
	RULE("log.file", "a log is inside its file", "Migration", SET_LOG_BASE, log_is_in_file),
	RULE("num.value", "the size of a split ring is a power of two up to 32768", TYPES,
	     SET_VRING_NUM, size_is_possible),
	RULE("num.index", "a ring is one of GET_QUEUE_NUM", TYPES, SET_VRING_NUM, ring_is_possible),
	RULE("num.running", "the size of a running ring is not set", STARTING, SET_VRING_NUM,
	     ring_is_stopped),
	RULE("base.value", "the base of a split ring has 16 bits", TYPES, SET_VRING_BASE,
	     base_has_16_bits),
	RULE("base.running", "the base of a running ring is not set", STARTING, SET_VRING_BASE,
	     ring_is_stopped),
	RULE("addr.num", "the size of a ring precedes its addresses", TYPES, SET_VRING_ADDR,
	     ring_has_size),
	RULE("addr.memory", "a ring is in memory that was sent before", TYPES, SET_VRING_ADDR,
	     ring_is_in_memory),
	RULE("addr.aligned", "the parts of a ring are aligned to 16, 2 and 4 bytes", TYPES,
	     SET_VRING_ADDR, ring_is_aligned),
	RULE("addr.flags", "addresses have no unknown flags", TYPES, SET_VRING_ADDR,
	     ring_flags_are_known),
	RULE("kick.addr", "the addresses of a ring precede its start", STARTING, SET_VRING_KICK,
	     ring_has_addresses),
	RULE("kick.base", "the base of a ring precedes its start", STARTING, SET_VRING_KICK,
	     ring_has_base),
	RULE("kick.event", "a kick is an event", TYPES, SET_VRING_KICK, is_event),
	RULE("kick.enabled", "a ring that is started is enabled, too", STARTING, SET_VRING_KICK,
	     is_enabled_later),
	RULE("call.event", "a call is an event", TYPES, SET_VRING_CALL, is_event),
	RULE("err.event", "a descriptor for errors is an event", TYPES, SET_VRING_ERR, is_event),
	RULE("enable.value", "a ring is enabled by 1 and disabled by 0", TYPES, SET_VRING_ENABLE,
	     is_boolean),
	RULE("stop.value", "GET_VRING_BASE has no number", TYPES, GET_VRING_BASE, num_is_zero),
	RULE("config.range", "GET_CONFIG reads bytes of a space of 256", TYPES, GET_CONFIG,
	     config_is_in_space),
	RULE("inflight.queues", "an area in flight is requested for possible queues", TRACKING,
	     GET_INFLIGHT_FD, area_has_queues),
	RULE("inflight.area", "the area that is set is that of the back-end", TRACKING,
	     SET_INFLIGHT_FD, area_is_that_of_the_device),
	RULE("inflight.stopped", "an area is set before rings run", TRACKING, SET_INFLIGHT_FD,
	     no_ring_runs),
	RULE("channel.socket", "the back-end channel is a socket", "Back-end communication",
	     SET_BACKEND_REQ_FD, is_socket),
	RULE("status.order", "DRIVER_OK comes with FEATURES_OK", TYPES, SET_STATUS,
	     status_is_in_order),
	{ .name = NULL }
};

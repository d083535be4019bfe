/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "check" for rings with requests: a device that --device names completes a
 * simple request, in every form that a driver may give it.
 */
#include <config.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/features.h>

#include "check_case.h"

#define LOG 0x80000u		/* offsets in the memory */
#define LOGGED_RING 0x90000u
#define AREA 0xc0000u
#define REMOVED 0x40000u
#define NO_CALL 1u

/* A request that the device completes at once. */
struct probe {
	const char *device;
	unsigned int ring;
	uint32_t len, reply;
	unsigned char request[104];
};

static const struct probe probes[] = {
	{ "blk", 0, 16, 21, { 8 } },			/* GET_ID */
	{ "console", 1, 1, 0, { 'x' } },
	{ "fs", 1, 104, 80, { 104, [4] = 26, [8] = 1, [40] = 7, [44] = 31 } },	/* INIT */
	{ "net", 1, 72, 0, { 0 } },			/* a frame of 60 bytes */
	{ "rng", 0, 0, 64, { 0 } },
	{ "vsock", 1, 44, 0, { [8] = 2, [28] = 1, [30] = 3 } },	/* RST */
};

/* Requests whose reply ends in a third page. */
static const struct probe long_probes[] = {
	{ "blk", 0, 16, 2 * VHOST_USER_LOG_PAGE + 1, { 0 } },	/* a read */
};

struct traffic {
	uint64_t extra;		/* features */
	struct check_shape shape;
	uint16_t base;
	unsigned int requests, batch;
	bool is_long;		/* the reply */
	bool on_demand;		/* kicks are */
};

/* That of the device; NULL: none is known. */
static const struct probe *probe_of(const struct check *c)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = t->is_long ? long_probes : probes;
	size_t n = t->is_long ? 1 : sizeof(probes) / sizeof(probes[0]);

	for (; n > 0; p++, n--)
		if (!strcmp(p->device, c->device))
			return p;
	return NULL;
}

/* Starts the ring of the device with the features of the row. */
static bool start(struct check *c)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = probe_of(c);

	if (!p)
		return check_skip(c, "no request of this device is known here");
	c->extra |= t->extra;
	c->ring = p->ring;
	c->rings[c->ring].made = t->base;
	return check_start(c);
}

static bool offer(struct check *c, unsigned int slot)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = probe_of(c);

	return check_request(c, &t->shape, slot, p->request, p->len, p->reply);
}

/* Offers n requests, and waits until each is used. */
static bool complete_at_once(struct check *c, unsigned int n)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = probe_of(c);
	const uint16_t old = c->rings[c->ring].made;
	uint64_t waiting = 0;
	struct check_used used;
	unsigned int i;

	for (i = n; i-- > 0;) {
		if (!offer(c, i))
			return false;
		waiting |= UINT64_C(1) << check_head(&t->shape, i);
	}
	if (t->on_demand)
		check_kick_on_demand(c, old);
	else
		check_kick(c);
	for (; n > 0; n--) {
		if (!check_used(c, &used) ||
		    !check_that(c, used.id < 64 && waiting >> used.id & 1,
				"buffer %u is used, which was not available", used.id) ||
		    !check_that(c, used.len <= p->reply, "%u bytes are written to %u",
				used.len, p->reply))
			return false;
		waiting &= ~(UINT64_C(1) << used.id);
	}
	return true;
}

static bool complete(struct check *c)
{
	return complete_at_once(c, 1);
}

static bool complete_all(struct check *c)
{
	const struct traffic *t = c->row->with;
	unsigned int n;

	for (n = 0; n < t->requests; n += t->batch)
		if (!complete_at_once(c, t->batch))
			return false;
	return true;
}

/* -------------------------------------------------------------------- calls */

static bool is_called(struct check *c, bool expected)
{
	if (!offer(c, c->rings[c->ring].made % 8))
		return false;
	check_kick(c);
	return check_that(c, check_wait(c, expected ? c->timeout_ms : CHECK_QUIET_MS) == expected,
			  expected ? "no call" : "an unwanted call");
}

static bool call_wanted(struct check *c)
{
	return is_called(c, true);
}

static bool call_unwanted(struct check *c)
{
	return is_called(c, false);
}

/* Devices may signal a ring once when it starts. */
static bool drain(struct check *c)
{
	(void)check_wait(c, CHECK_QUIET_MS);
	return true;
}

static bool forbid_calls(struct check *c)
{
	check_put16(c, CHECK_AVAIL + (c->extra & VQ_F_RING_PACKED ? 2 : 0), NO_CALL);
	return true;
}

/* The driver waits for the last of three buffers. */
static bool expect_third(struct check *c)
{
	const bool packed = c->extra & VQ_F_RING_PACKED;

	check_put16(c, packed ? CHECK_AVAIL : CHECK_AVAIL + 4 + 2 * CHECK_RING_SIZE,
		    (uint16_t)(packed ? 2 * c->rings[c->ring].made | 0x8000 :
			       c->rings[c->ring].made + 1));
	if (packed)
		check_put16(c, CHECK_AVAIL + 2, 2);
	return true;
}

/* ------------------------------------------------------------------- states */

static bool kick_one(struct check *c)
{
	if (!offer(c, 0))
		return false;
	check_kick(c);
	return true;
}

static bool is_quiet(struct check *c)
{
	static const unsigned char zeros[128];
	const struct probe *p = probe_of(c);
	struct check_used used;

	(void)check_wait(c, CHECK_QUIET_MS);
	return check_that(c, !memcmp(c->guest + CHECK_REPLY, zeros, p->reply),
			  "the buffer was written") &&
	       check_that(c, !p->reply || !check_take(c, &used), "the buffer was used");
}

/* Once it is enabled, the buffer is used. That of a request without a reply may have been. */
static bool is_used_later(struct check *c)
{
	struct check_used used;

	if (!probe_of(c)->reply)
		return true;
	if (!check_enable(c))
		return false;
	check_kick(c);
	return check_used(c, &used);
}

/* -------------------------------------------------------------- interruptions */

static bool reset(struct check *c)
{
	c->rings[c->ring].made = 0;
	return check_acked_plain(c, VHOST_USER_RESET_DEVICE, NULL, 0) && check_begin(c);
}

static bool reconnect(struct check *c)
{
	return check_connect(c) && check_negotiate(c, c->row->needs) && check_start(c);
}

/* Another slot, behind the memory of the guest, comes and goes. */
static bool add_and_remove(struct check *c)
{
	const struct vhost_user_mem_reg slot = {
		0, { CHECK_GUEST_ADDR + CHECK_MEMORY_SIZE, 0x2000,
		     CHECK_USER_ADDR + CHECK_MEMORY_SIZE, REMOVED }
	};

	return check_acked(c, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), &c->memory, 1) &&
	       check_acked_plain(c, VHOST_USER_REM_MEM_REG, &slot, sizeof(slot));
}

/* A request whose reply is in the slot of add_and_remove(). */
static bool offer_removed(struct check *c)
{
	const struct probe *p = probe_of(c);
	const struct check_desc d[] = {
		{ CHECK_GUEST_ADDR + CHECK_MEMORY_SIZE, p->reply, CHECK_WRITE, 0 },
		{ CHECK_GUEST_ADDR + CHECK_REQUEST, p->len, CHECK_NEXT, 0 },
		{ CHECK_GUEST_ADDR + CHECK_MEMORY_SIZE, p->reply, CHECK_WRITE, 0 },
	};

	memcpy(c->guest + CHECK_REQUEST, p->request, p->len);
	if (!p->reply)
		return check_skip(c, "this request has no reply");
	if (!check_offer(c, 0, p->len ? d + 1 : d, p->len ? 2 : 1))
		return false;
	check_kick(c);
	return true;
}

/* A table whose second region has the replies, from the end of their first page on. */
static bool share_in_two(struct check *c)
{
	const struct traffic *t = c->row->with;
	const uint64_t cut = CHECK_REPLY + (t->is_long ? VHOST_USER_LOG_PAGE : 0);
	const struct vhost_user_mem_table table = {
		.nregions = 2,
		.regions = { CHECK_REGION(0, cut), CHECK_REGION(cut, CHECK_MEMORY_SIZE - cut) }
	};
	const int fds[] = { c->memory, c->memory };

	return check_acked(c, VHOST_USER_SET_MEM_TABLE, &table, 8 + 2 * 32, fds, 2);
}

/* Moves the memory to another file, at the same addresses. */
static bool share_elsewhere(struct check *c)
{
	const int fd = check_memfd(CHECK_MEMORY_SIZE);

	if (pwrite(fd, c->guest, CHECK_MEMORY_SIZE, 0) != (ssize_t)CHECK_MEMORY_SIZE ||
	    mmap(c->guest, CHECK_MEMORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		 0) == MAP_FAILED) {
		close(fd);
		return check_skip(c, "no memory for a guest");
	}
	close(c->memory);
	c->memory = fd;
	return check_share(c);
}

/* ---------------------------------------------------------------------- log */

/* Completes a request while a log is set; the features are those of check_start() and bits. */
static bool complete_logged(struct check *c, uint64_t bits, uint64_t log_addr)
{
	const struct vhost_user_log log = { VHOST_USER_LOG_PAGE, LOG };
	const uint64_t features = bits | (c->features & (VHOST_USER_F_PROTOCOL_FEATURES |
							  VQ_F_VERSION_1 | c->extra));
	struct vhost_user_vring_addr addr;

	if (!(c->features & VHOST_USER_F_LOG_ALL))
		return check_skip(c, "VHOST_F_LOG_ALL is not offered");
	c->log_addr = log_addr;
	addr = check_ring_addr(c);
	if (!check_remember(c) ||
	    !check_send(c, VHOST_USER_SET_LOG_BASE, V1, &log, sizeof(log), &c->memory, 1) ||
	    !check_reply(c, VHOST_USER_SET_LOG_BASE) ||
	    !check_acked_plain(c, VHOST_USER_SET_FEATURES, &features, sizeof(features)) ||
	    !check_acked_plain(c, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr)))
		return false;
	check_permit(c, LOG, VHOST_USER_LOG_PAGE);
	return complete(c) && check_stop(c);
}

/* The bit of the page at an offset of the memory. */
static bool is_logged(const struct check *c, uint64_t offset, bool expected)
{
	const uint64_t page = (CHECK_GUEST_ADDR + offset) / VHOST_USER_LOG_PAGE;

	return (c->guest[LOG + page / 8] >> page % 8 & 1) == expected;
}

static bool log_of_buffers(struct check *c)
{
	return complete_logged(c, VHOST_USER_F_LOG_ALL, 0) &&
	       check_that(c, is_logged(c, CHECK_REPLY, probe_of(c)->reply > 0) &&
			  is_logged(c, CHECK_REQUEST, false),
			  "other pages are in the log than the writable buffer");
}

/* Data fill two pages; the status is in the third. A disk may be shorter than the read. */
static bool log_of_pages(struct check *c)
{
	unsigned int i;

	if (!complete_logged(c, VHOST_USER_F_LOG_ALL, 0))
		return false;
	if (c->guest[CHECK_REPLY + probe_of(c)->reply - 1])
		return check_skip(c, "a read of two pages has status %u",
				  c->guest[CHECK_REPLY + probe_of(c)->reply - 1]);
	for (i = 0; i <= 2; i++)
		if (!check_that(c, is_logged(c, CHECK_REPLY + (uint64_t)i * VHOST_USER_LOG_PAGE, true),
				"page %u of three that one request writes is not in the log", i + 1))
			return false;
	return true;
}

static bool log_of_ring(struct check *c)
{
	return complete_logged(c, VHOST_USER_F_LOG_ALL, CHECK_GUEST_ADDR + LOGGED_RING) &&
	       check_that(c, is_logged(c, LOGGED_RING, true),
			  "the page of the used ring is not in the log");
}

static bool log_without_feature(struct check *c)
{
	return complete_logged(c, 0, 0) &&
	       check_that(c, is_logged(c, CHECK_REPLY, false), "a page is in the log");
}

/* --------------------------------------------------------- in-flight requests */

/* The area of one split ring. */
struct split_area {
	uint64_t features;
	uint16_t version, desc_num, last_batch_head, used_idx;
	struct {
		uint8_t inflight, padding[5];
		uint16_t next;
		uint64_t counter;
	} desc[CHECK_RING_SIZE];
};

/* The area is set before any ring starts. */
static bool stop_all(struct check *c)
{
	const unsigned int ring = c->ring;
	bool stopped = check_stop(c);

	c->ring = 0;
	stopped = stopped && (!ring || check_stop(c));
	c->ring = ring;
	return stopped;
}

static unsigned int area_stride(const struct check *c)
{
	return ((c->extra & VQ_F_RING_PACKED ? 32 + 32 * CHECK_RING_SIZE :
		(unsigned int)sizeof(struct split_area)) | 63) + 1;
}

static struct split_area *area_of(const struct check *c)
{
	return (void *)(c->guest + AREA + c->ring * area_stride(c));
}

static bool set_area(struct check *c)
{
	const struct vhost_user_inflight area = {
		.mmap_size = (c->ring + 1) * area_stride(c), .mmap_offset = AREA,
		.num_queues = (uint16_t)(c->ring + 1), .queue_size = CHECK_RING_SIZE
	};

	if (!check_remember(c) ||
	    !check_acked(c, VHOST_USER_SET_INFLIGHT_FD, &area, sizeof(area), &c->memory, 1))
		return false;
	check_permit(c, AREA, area.mmap_size);
	return true;
}

static bool start_with_area(struct check *c)
{
	return start(c) && stop_all(c) && set_area(c) && check_begin(c);
}

static bool area_was_used(struct check *c)
{
	const struct split_area *area = area_of(c);

	return c->extra & VQ_F_RING_PACKED ||
	       (check_that(c, area->version == 1 && area->desc_num == CHECK_RING_SIZE,
			   "version %u for %u descriptors", area->version, area->desc_num) &&
		check_that(c, area->used_idx == 2 && !area->desc[0].inflight,
			   "used_idx is %u, in flight %u, expected 2 and 0", area->used_idx,
			   area->desc[0].inflight));
}

/* The area of one packed ring. Entries are copies of descriptors. */
struct packed_area {
	uint64_t features;
	uint16_t version, desc_num, free_head, old_free_head, used_idx, old_used_idx;
	uint8_t used_wrap, old_used_wrap, padding[10];
	struct {
		uint8_t inflight, padding;
		uint16_t next, last, num;
		uint64_t counter;
		uint16_t id, flags;
		uint32_t len;
		uint64_t addr;
	} desc[CHECK_RING_SIZE];
};

/* The first buffer is in flight. */
static void write_packed_area(struct check *c)
{
	struct packed_area *area = (void *)area_of(c);
	const unsigned char *ring = c->guest + c->ring * CHECK_RING_STRIDE;
	const uint16_t n = c->rings[c->ring].made;
	uint16_t i;

	area->free_head = area->old_free_head = n;
	area->used_wrap = area->old_used_wrap = 1;
	for (i = 0; i < CHECK_RING_SIZE; i++, ring += 16) {
		area->desc[i].next = (uint16_t)(i + 1);
		if (i >= n)
			continue;
		memcpy(&area->desc[i].addr, ring, 8);
		memcpy(&area->desc[i].len, ring + 8, 4);
		memcpy(&area->desc[i].id, ring + 12, 2);
		memcpy(&area->desc[i].flags, ring + 14, 2);
	}
	area->desc[0].inflight = 1;
	area->desc[0].last = (uint16_t)(n - 1);
	area->desc[0].num = n;
}

/* Starts behind a crash: request 0 is in flight, or (used) it was just completed. */
static bool start_crashed(struct check *c, uint16_t used)
{
	struct split_area *area;

	if (!start(c) || !stop_all(c) || !offer(c, 0) || !set_area(c))
		return false;
	area = area_of(c);
	memset(area, 0, area_stride(c));
	area->version = 1;
	area->desc_num = CHECK_RING_SIZE;
	if (c->extra & VQ_F_RING_PACKED) {
		write_packed_area(c);
	} else {
		area->desc[0].inflight = 1;
		check_put16(c, CHECK_USED + 2, used);
	}
	c->rings[c->ring].seen = used;
	memcpy(c->before, c->guest, CHECK_MEMORY_SIZE);
	return check_start_first(c) && check_run(c, 0);
}

static bool is_resubmitted(struct check *c)
{
	struct check_used used;

	if (!start_crashed(c, 0) || !check_used(c, &used))
		return false;
	(void)check_wait(c, CHECK_QUIET_MS);
	return check_that(c, used.id == 0 && !check_take(c, &used), "it was completed twice");
}

static bool is_complete(struct check *c)
{
	struct check_used used;

	if (!start_crashed(c, 1))
		return false;
	(void)check_wait(c, CHECK_QUIET_MS);
	return check_that(c, !check_take(c, &used), "a completed request was executed again");
}

/* --------------------------------------------------------------------- rows */

#define ONE(name, rule, section, needs, bits, ...) \
	{ "traffic." name, rule, section, PF(REPLY_ACK) | (needs), \
	  &(const struct traffic){ .extra = bits }, { __VA_ARGS__ } }
#define BOTH(name, rule, section, needs, bits, ...) \
	ONE(name, rule, section, needs, bits, __VA_ARGS__), \
	ONE(name "-packed", rule " (packed ring)", section, needs, (bits) | VQ_F_RING_PACKED, \
	    __VA_ARGS__)
#define BETWEEN(name, rule, section, needs, ...) \
	BOTH(name, rule, section, needs, 0, start, complete, __VA_ARGS__, complete, check_stop)
#define SPLIT_ROW(name, rule, section, ...) \
	{ "traffic." name, rule, section, PF(REPLY_ACK), &(const struct traffic){ __VA_ARGS__ }, \
	  { start, complete_all, check_stop } }
#define ALL(name, rule, section, bits, n, at_once, ...) \
	SPLIT_ROW(name, rule, section, __VA_ARGS__ .extra = bits, .requests = n, .batch = at_once), \
	SPLIT_ROW(name "-packed", rule " (packed ring)", section, __VA_ARGS__ \
		  .extra = (bits) | VQ_F_RING_PACKED, .requests = n, .batch = at_once)
#define LONG(name, rule, bits) \
	{ "traffic." name, rule, MIGRATION, ACK | PF(LOG_SHMFD), \
	  &(const struct traffic){ .extra = bits, .is_long = true }, { start, log_of_pages } }
#define TABLE(...) .shape = { .layout = CHECK_IN_TABLE, __VA_ARGS__ },
#define RINGS "VIRTIO: Virtqueues"
#define INDIRECT VQ_F_INDIRECT_DESC
#define FRAMING "VIRTIO: Message Framing"
#define TABLES "VIRTIO: Indirect Descriptors"
#define KICKS "VIRTIO: Available Buffer Notification Suppression"
#define CALLS "VIRTIO: Used Buffer Notification Suppression"
#define INFLIGHT PF(INFLIGHT_SHMFD)

const struct check_case check_traffic[] = {
	ALL("one", "a request is completed", RINGS, 0, 1, 1,),
	ALL("many", "a ring of 64 entries completes 200 requests", RINGS, 0, 200, 1,),
	ALL("batch", "12 requests are each used once", RINGS, 0, 120, 12,),
	ALL("base", "a ring goes on at the base that was set", STATES, 0, 4, 1, .base = 37,),
	SPLIT_ROW("index-wraps", "the index of a split ring wraps behind 65535", RINGS,
		  .base = 65530, .requests = 24, .batch = 12),
	ALL("pieces", "a request may be in buffers of 4 bytes", FRAMING, 0, 14, 1,
	    .shape = { .cut = 4 },),
	ALL("pieces-odd", "a request may be in buffers of 7 bytes", FRAMING, 0, 14, 2,
	    .shape = { .cut = 7 },),
	ALL("table", "a request may be in an indirect table", TABLES, INDIRECT, 130, 10, TABLE()),
	ALL("table-pieces", "an indirect table may have many entries", TABLES, INDIRECT, 4, 2,
	    TABLE(.cut = 3)),
	ALL("table-unaligned", "an indirect table may have any address", TABLES, INDIRECT, 2, 1,
	    TABLE(.shift = 1)),
	ALL("table-writable", "the write flag of an indirect table is ignored", TABLES, INDIRECT, 2, 1,
	    TABLE(.flags = CHECK_WRITE)),
	SPLIT_ROW("table-last", "an indirect table may follow buffers", TABLES,
		  TABLE(.cut = 4, .direct = 1) .extra = INDIRECT, .requests = 2, .batch = 1),
	ALL("event-index", "requests are completed with event indices", CALLS, VQ_F_EVENT_IDX, 120, 12,),
	ALL("kick-flag", "a driver kicks only if the device's flag demands it", KICKS, 0, 100, 1,
	    .on_demand = true,),
	ALL("kick-event", "a driver kicks only at the device's event index", KICKS, VQ_F_EVENT_IDX,
	    100, 1, .on_demand = true,),
	BOTH("call", "a used buffer is signalled", CALLS, 0, 0, start, call_wanted),
	BOTH("no-call", "a used buffer is not signalled if the driver's flag forbids it", CALLS, 0, 0,
	     start, complete, drain, forbid_calls, call_unwanted),
	BOTH("call-event", "only the buffer of the driver's event index is signalled", CALLS, 0,
	     VQ_F_EVENT_IDX, start, complete, drain, expect_third, call_unwanted, call_wanted),
	{ "traffic.call-event-wraps", "the event index of a split ring wraps behind 65535", CALLS, ACK,
	  &(const struct traffic){ .extra = VQ_F_EVENT_IDX, .base = 65533 },
	  { start, complete, drain, expect_third, call_unwanted, call_wanted } },
	BOTH("call-replaced", "a replaced call is signalled", TYPES, 0, 0, start, call_wanted,
	     check_new_call, call_wanted),
	BETWEEN("call-removed", "a ring without a call completes requests", TYPES, 0, check_no_call),
	BETWEEN("kick-replaced", "a replaced kick is polled", TYPES, 0, check_new_kick),
	BOTH("disabled", "a disabled ring has no side effects", STATES, 0, 0, start, check_disable,
	     kick_one, is_quiet, is_used_later),
	BOTH("stopped", "a stopped ring is not processed", STATES, 0, 0, start, check_stop, kick_one,
	     is_quiet),
	BETWEEN("again", "a stopped ring goes on where it stopped", STATES, 0, check_stop, check_restart),
	BETWEEN("reset", "a ring starts behind RESET_DEVICE", TYPES, PF(RESET_DEVICE), reset),
	BETWEEN("reconnect", "a ring goes on with another connection", "Reconnection", 0, reconnect),
	BETWEEN("table-replaced", "requests are completed behind SET_MEM_TABLE", "Memory access", 0,
		check_share),
	BETWEEN("table-moved", "requests are completed in the memory of a new table", ACCESS, 0,
		share_elsewhere),
	BETWEEN("regions", "a request may use two regions, one at an offset of its file", ACCESS, 0,
		share_in_two),
	{ "traffic.region-border", "a buffer may be in two adjacent regions", ACCESS, ACK,
	  &(const struct traffic){ .is_long = true }, { start, share_in_two, complete, check_stop } },
	BOTH("slot-removed", "memory that was removed is not written", TYPES, PF(CONFIGURE_MEM_SLOTS), 0,
	     start, add_and_remove, offer_removed, check_settle, check_untouched, check_survives),
	BETWEEN("slots", "requests are completed behind ADD_MEM_REG and REM_MEM_REG", TYPES,
		PF(CONFIGURE_MEM_SLOTS), add_and_remove),
	BOTH("log-buffers", "pages that the device writes are logged", MIGRATION, PF(LOG_SHMFD), 0,
	     start, log_of_buffers),
	LONG("log-pages", "each page of a long write is logged", 0),
	LONG("log-pages-packed", "each page of a long write is logged (packed ring)",
	     VQ_F_RING_PACKED),
	BOTH("log-ring", "the used ring is logged at its log_guest_addr", MIGRATION, PF(LOG_SHMFD), 0,
	     start, log_of_ring),
	BOTH("log-off", "nothing is logged without VHOST_F_LOG_ALL", MIGRATION, PF(LOG_SHMFD), 0,
	     start, log_without_feature),
	BOTH("inflight", "requests are completed with an in-flight area", TRACKING, INFLIGHT, 0,
	     start_with_area, complete, complete, check_stop, area_was_used),
	BOTH("resubmitted", "a request in flight is completed once behind a crash", TRACKING, INFLIGHT, 0,
	     is_resubmitted),
	ONE("not-resubmitted", "a used request is not repeated behind a crash", TRACKING, INFLIGHT, 0,
	    is_complete),
	{ .name = NULL }
};

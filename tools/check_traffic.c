/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "check" for rings with requests: a device that --device names completes a
 * simple request, in every form that a driver may give it.
 */
#include <config.h>

#include <string.h>

#include <virtio-queue/features.h>

#include "check_case.h"

#define PF(name) VHOST_USER_PROTOCOL_BIT(name)
#define V1 VHOST_USER_HDR_VERSION
#define QUIET_MS 100
#define LOG 0x80000u		/* offsets in the memory */
#define LOGGED_RING 0x90000u
#define AREA 0xc0000u
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

struct traffic {
	uint64_t extra;		/* features */
	struct check_shape shape;
	uint16_t base;
	unsigned int requests, batch;
	bool (*between)(struct check *c);	/* of two requests */
};

static const struct probe *find_probe(struct check *c)
{
	size_t i;

	for (i = 0; i < sizeof(probes) / sizeof(probes[0]); i++)
		if (!strcmp(probes[i].device, c->device))
			return &probes[i];
	(void)check_skip(c, "no request of this device is known here");
	return NULL;
}

/* Starts the ring of the device with the features of the row. */
static const struct probe *start(struct check *c)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = find_probe(c);

	c->extra |= t->extra;
	if (p)
		c->ring = p->ring;
	return p && check_start(c, t->base) ? p : NULL;
}

static bool offer(struct check *c, const struct probe *p, unsigned int slot)
{
	const struct traffic *t = c->row->with;

	return check_request(c, &t->shape, slot, p->request, p->len, p->reply);
}

/* Offers n requests, and waits until each is used. */
static bool complete(struct check *c, const struct probe *p, unsigned int n)
{
	const struct traffic *t = c->row->with;
	uint64_t waiting = 0;
	struct check_used used;
	unsigned int i;

	for (i = n; i-- > 0;) {
		if (!offer(c, p, i))
			return false;
		waiting |= UINT64_C(1) << check_head(&t->shape, i);
	}
	for (check_kick(c); n > 0; n--) {
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

static bool complete_and_stop(struct check *c, const struct probe *p)
{
	return complete(c, p, 1) && check_stop(c, c->rings[c->ring].made);
}

static void complete_all(struct check *c)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = start(c);
	unsigned int n;

	for (n = 0; p && n < t->requests; n += t->batch)
		if (!complete(c, p, t->batch))
			return;
	if (p)
		(void)check_stop(c, c->rings[c->ring].made);
}

/* -------------------------------------------------------------------- calls */

static bool is_called(struct check *c, const struct probe *p, bool expected)
{
	if (!offer(c, p, c->rings[c->ring].made % 8))
		return false;
	check_kick(c);
	return check_that(c, check_wait(c, expected ? c->timeout_ms : QUIET_MS) == expected,
			  expected ? "no call" : "an unwanted call");
}

static void call_wanted(struct check *c)
{
	const struct probe *p = start(c);

	if (p)
		(void)is_called(c, p, true);
}

/* Devices may signal a ring once when it starts. */
static const struct probe *start_and_drain(struct check *c)
{
	const struct probe *p = start(c);

	if (!p || !complete(c, p, 1))
		return NULL;
	(void)check_wait(c, QUIET_MS);
	return p;
}

static void call_unwanted(struct check *c)
{
	const struct probe *p = start_and_drain(c);

	if (!p)
		return;
	check_put16(c, CHECK_AVAIL + (c->extra & VQ_F_RING_PACKED ? 2 : 0), NO_CALL);
	(void)is_called(c, p, false);
}

/* The driver waits for the last of three buffers. */
static void call_at_event(struct check *c)
{
	const struct probe *p = start_and_drain(c);
	const bool packed = c->extra & VQ_F_RING_PACKED;

	if (!p)
		return;
	check_put16(c, packed ? CHECK_AVAIL : CHECK_AVAIL + 4 + 2 * CHECK_RING_SIZE,
		    packed ? (uint16_t)(2 * c->rings[c->ring].made | 0x8000) : 2);
	if (packed)
		check_put16(c, CHECK_AVAIL + 2, 2);
	if (is_called(c, p, false))
		(void)is_called(c, p, true);
}

static void call_replaced(struct check *c)
{
	const struct probe *p = start(c);

	if (p && is_called(c, p, true) && check_ring_event(c, VHOST_USER_SET_VRING_CALL, c->ring))
		(void)is_called(c, p, true);
}

/* ------------------------------------------------------------------- states */

static bool is_quiet(struct check *c, const struct probe *p)
{
	static const unsigned char zeros[128];
	struct check_used used;

	(void)check_wait(c, QUIET_MS);
	return check_that(c, !memcmp(c->guest + CHECK_REPLY, zeros, p->reply),
			  "the buffer was written") &&
	       check_that(c, !p->reply || !check_take(c, &used), "the buffer was used");
}

static void not_while_disabled(struct check *c)
{
	const struct probe *p = start(c);
	const struct vhost_user_vring_state off = { c->ring, 0 }, on = { c->ring, 1 };
	struct check_used used;

	if (!p || !check_acked_plain(c, VHOST_USER_SET_VRING_ENABLE, &off, sizeof(off)) ||
	    !offer(c, p, 0))
		return;
	check_kick(c);
	if (!is_quiet(c, p) || !p->reply ||
	    !check_acked_plain(c, VHOST_USER_SET_VRING_ENABLE, &on, sizeof(on)))
		return;
	check_kick(c);
	(void)check_used(c, &used);
}

static void not_while_stopped(struct check *c)
{
	const struct probe *p = start(c);

	if (!p || !check_stop(c, 0) || !offer(c, p, 0))
		return;
	check_kick(c);
	(void)is_quiet(c, p);
}

/* -------------------------------------------------------------- interruptions */

static void complete_two(struct check *c)
{
	const struct traffic *t = c->row->with;
	const struct probe *p = start(c);

	if (p && complete(c, p, 1) && t->between(c))
		(void)complete_and_stop(c, p);
}

static bool remove_call(struct check *c)
{
	const uint64_t none = c->ring | VHOST_USER_VRING_NOFD;

	return check_acked_plain(c, VHOST_USER_SET_VRING_CALL, &none, sizeof(none));
}

static bool replace_kick(struct check *c)
{
	return check_ring_event(c, VHOST_USER_SET_VRING_KICK, c->ring);
}

static bool stop_and_restart(struct check *c)
{
	const uint16_t made = c->rings[c->ring].made;

	return check_stop(c, made) && check_restart(c, made);
}

static bool reset(struct check *c)
{
	return check_acked_plain(c, VHOST_USER_RESET_DEVICE, NULL, 0) && check_begin(c, 0);
}

static bool reconnect(struct check *c)
{
	return check_connect(c) && check_negotiate(c, c->row->needs) &&
	       check_start(c, c->rings[c->ring].made);
}

/* Another slot, behind the memory of the guest, comes and goes. */
static bool add_and_remove(struct check *c)
{
	const struct vhost_user_mem_reg slot = { 0, { CHECK_GUEST_ADDR + CHECK_MEMORY_SIZE, 0x2000,
						      CHECK_USER_ADDR + CHECK_MEMORY_SIZE, 0 } };

	return check_acked(c, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), &c->memory, 1) &&
	       check_acked_plain(c, VHOST_USER_REM_MEM_REG, &slot, sizeof(slot));
}

/* ---------------------------------------------------------------------- log */

/* Completes a request while a log is set; features are those of check_start() and bits. */
static const struct probe *complete_logged(struct check *c, uint64_t bits, uint64_t log_addr)
{
	const struct vhost_user_log log = { VHOST_USER_LOG_PAGE, LOG };
	const struct probe *p = start(c);
	const uint64_t features = bits | (c->features & (VHOST_USER_F_PROTOCOL_FEATURES |
							  VQ_F_VERSION_1 | c->extra));
	struct vhost_user_vring_addr addr;
	struct check_reply reply;

	if (!(c->features & VHOST_USER_F_LOG_ALL))
		(void)check_skip(c, "VHOST_F_LOG_ALL is not offered");
	c->log_addr = log_addr;
	addr = check_ring_addr(c);
	if (!p || c->verdict || !check_remember(c) ||
	    !check_send(c, VHOST_USER_SET_LOG_BASE, V1, &log, sizeof(log), &c->memory, 1) ||
	    !check_reply(c, VHOST_USER_SET_LOG_BASE, &reply) ||
	    !check_acked_plain(c, VHOST_USER_SET_FEATURES, &features, sizeof(features)) ||
	    !check_acked_plain(c, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr)))
		return NULL;
	check_permit(c, LOG, VHOST_USER_LOG_PAGE);
	return complete(c, p, 1) && check_stop(c, c->rings[c->ring].made) ? p : NULL;
}

/* The bit of the page at an offset of the memory. */
static bool is_logged(const struct check *c, uint64_t offset, bool expected)
{
	const uint64_t page = (CHECK_GUEST_ADDR + offset) / VHOST_USER_LOG_PAGE;

	return (c->guest[LOG + page / 8] >> page % 8 & 1) == expected;
}

static void log_of_buffers(struct check *c)
{
	const struct probe *p = complete_logged(c, VHOST_USER_F_LOG_ALL, 0);

	if (p)
		(void)check_that(c, is_logged(c, CHECK_REPLY, p->reply > 0) &&
				 is_logged(c, CHECK_REQUEST, false),
				 "other pages are in the log than the writable buffer");
}

static void log_of_ring(struct check *c)
{
	if (complete_logged(c, VHOST_USER_F_LOG_ALL, CHECK_GUEST_ADDR + LOGGED_RING))
		(void)check_that(c, is_logged(c, LOGGED_RING, true),
				 "the page of the used ring is not in the log");
}

static void log_without_feature(struct check *c)
{
	if (complete_logged(c, 0, 0))
		(void)check_that(c, is_logged(c, CHECK_REPLY, false), "a page is in the log");
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
	bool stopped = check_stop(c, 0);

	c->ring = 0;
	stopped = stopped && (!ring || check_stop(c, 0));
	c->ring = ring;
	return stopped;
}

static unsigned int area_stride(const struct check *c)
{
	return ((c->extra & VQ_F_RING_PACKED ? 32 + 32 * CHECK_RING_SIZE :
		(unsigned int)sizeof(struct split_area)) | 63) + 1;
}

static struct split_area *set_area(struct check *c)
{
	const struct vhost_user_inflight area = {
		.mmap_size = (c->ring + 1) * area_stride(c), .mmap_offset = AREA,
		.num_queues = (uint16_t)(c->ring + 1), .queue_size = CHECK_RING_SIZE
	};

	if (!check_guest(c) || !check_remember(c) ||
	    !check_acked(c, VHOST_USER_SET_INFLIGHT_FD, &area, sizeof(area), &c->memory, 1))
		return NULL;
	check_permit(c, AREA, area.mmap_size);
	return (void *)(c->guest + AREA + c->ring * area_stride(c));
}

static void area_in_use(struct check *c)
{
	const struct probe *p = start(c);
	struct split_area *area = p && stop_all(c) ? set_area(c) : NULL;

	if (!area || !check_begin(c, 0) || !complete(c, p, 1) || !complete_and_stop(c, p) ||
	    c->extra & VQ_F_RING_PACKED)
		return;
	(void)check_that(c, area->version == 1 && area->desc_num == CHECK_RING_SIZE,
			 "version %u for %u descriptors", area->version, area->desc_num);
	(void)check_that(c, area->used_idx == 2 && !area->desc[0].inflight,
			 "used_idx is %u, in flight %u, expected 2 and 0", area->used_idx,
			 area->desc[0].inflight);
}

/* Starts behind a crash: request 0 is in flight, or (used) it was just completed. */
static bool start_crashed(struct check *c, uint16_t used)
{
	const struct probe *p = start(c);
	struct split_area *area = p && stop_all(c) && offer(c, p, 0) ? set_area(c) : NULL;

	if (!area)
		return false;
	memset(area, 0, sizeof(*area));
	area->version = 1;
	area->desc_num = CHECK_RING_SIZE;
	area->desc[0].inflight = 1;
	check_put16(c, CHECK_USED + 2, used);
	c->rings[c->ring].seen = used;
	memcpy(c->before, c->guest, CHECK_MEMORY_SIZE);
	return check_start_first(c) && check_run(c, 0);
}

static void is_resubmitted(struct check *c)
{
	struct check_used used;

	if (!start_crashed(c, 0) || !check_used(c, &used))
		return;
	(void)check_wait(c, QUIET_MS);
	(void)check_that(c, used.id == 0 && !check_take(c, &used), "it was completed twice");
}

static void is_complete(struct check *c)
{
	struct check_used used;

	if (!start_crashed(c, 1))
		return;
	(void)check_wait(c, QUIET_MS);
	(void)check_that(c, !check_take(c, &used), "a completed request was executed again");
}

/* --------------------------------------------------------------------- rows */

#define SPLIT_ROW(name, rule, section, needs, run, ...) \
	{ "traffic." name, rule, section, PF(REPLY_ACK) | (needs), run, \
	  &(const struct traffic){ __VA_ARGS__ } }
#define BOTH(name, rule, section, needs, run, bits, ...) \
	SPLIT_ROW(name, rule, section, needs, run, __VA_ARGS__ .extra = bits), \
	SPLIT_ROW(name "-packed", rule " (packed ring)", section, needs, run, \
		  __VA_ARGS__ .extra = (bits) | VQ_F_RING_PACKED)
#define ALL(name, rule, section, bits, n, at_once, ...) \
	BOTH(name, rule, section, 0, complete_all, bits, .requests = n, .batch = at_once, \
	     __VA_ARGS__)
#define TABLE(...) .shape = { .layout = CHECK_IN_TABLE, __VA_ARGS__ },
#define BETWEEN(name, rule, section, needs, function) \
	BOTH(name, rule, section, needs, complete_two, 0, .between = function,)
#define RINGS "VIRTIO: Virtqueues"
#define INDIRECT VQ_F_INDIRECT_DESC
#define FRAMING "VIRTIO: Message Framing"
#define TABLES "VIRTIO: Indirect Descriptors"
#define CALLS "VIRTIO: Used Buffer Notification Suppression"
#define TYPES "Front-end message types"
#define STATES "Ring states"
#define INFLIGHT PF(INFLIGHT_SHMFD)
#define MIGRATION "Migration"
#define AREAS "Inflight I/O tracking"

const struct check_case check_traffic[] = {
	ALL("one", "a request is completed", RINGS, 0, 1, 1,),
	ALL("many", "a ring of 64 entries completes 200 requests", RINGS, 0, 200, 1,),
	ALL("batch", "12 requests are each used once", RINGS, 0, 120, 12,),
	ALL("base", "a ring goes on at the base that was set", STATES, 0, 4, 1, .base = 37,),
	SPLIT_ROW("index-wraps", "the index of a split ring wraps behind 65535", RINGS, 0, complete_all,
		  .base = 65530, .requests = 24, .batch = 12),
	ALL("pieces", "a request may be in buffers of 4 bytes", FRAMING, 0, 6, 1,
	    .shape = { .cut = 4 },),
	ALL("pieces-odd", "a request may be in buffers of 7 bytes", FRAMING, 0, 6, 2,
	    .shape = { .cut = 7 },),
	ALL("table", "a request may be in an indirect table", TABLES, INDIRECT, 130, 10, TABLE()),
	ALL("table-pieces", "an indirect table may have many entries", TABLES, INDIRECT, 4, 2,
	    TABLE(.cut = 3)),
	ALL("table-unaligned", "an indirect table may have any address", TABLES, INDIRECT, 2, 1,
	    TABLE(.shift = 1)),
	ALL("table-writable", "the write flag of an indirect table is ignored", TABLES, INDIRECT, 2, 1,
	    TABLE(.flags = CHECK_WRITE)),
	SPLIT_ROW("table-last", "an indirect table may follow buffers", TABLES, 0, complete_all,
		  TABLE(.cut = 4, .direct = 1) .extra = INDIRECT, .requests = 2, .batch = 1),
	ALL("event-index", "requests are completed with event indices", CALLS, VQ_F_EVENT_IDX, 120, 12,),
	BOTH("call", "a used buffer is signalled", CALLS, 0, call_wanted, 0,),
	BOTH("no-call", "a used buffer is not signalled if the driver's flag forbids it", CALLS, 0,
	     call_unwanted, 0,),
	BOTH("call-event", "only the buffer of the driver's event index is signalled", CALLS, 0,
	     call_at_event, VQ_F_EVENT_IDX,),
	BOTH("call-replaced", "a replaced call is signalled", TYPES, 0, call_replaced, 0,),
	BETWEEN("call-removed", "a ring without a call completes requests", TYPES, 0, remove_call),
	BETWEEN("kick-replaced", "a replaced kick is polled", TYPES, 0, replace_kick),
	BOTH("disabled", "a disabled ring has no side effects", STATES, 0, not_while_disabled, 0,),
	BOTH("stopped", "a stopped ring is not processed", STATES, 0, not_while_stopped, 0,),
	BETWEEN("again", "a stopped ring goes on where it stopped", STATES, 0, stop_and_restart),
	BETWEEN("reset", "a ring starts behind RESET_DEVICE", TYPES, PF(RESET_DEVICE), reset),
	BETWEEN("reconnect", "a ring goes on with another connection", "Reconnection", 0, reconnect),
	BETWEEN("table-replaced", "requests are completed behind SET_MEM_TABLE", "Memory access", 0,
		check_share),
	BETWEEN("slots", "requests are completed behind ADD_MEM_REG and REM_MEM_REG", TYPES,
		PF(CONFIGURE_MEM_SLOTS), add_and_remove),
	BOTH("log-buffers", "pages that the device writes are logged", MIGRATION, PF(LOG_SHMFD),
	     log_of_buffers, 0,),
	BOTH("log-ring", "the used ring is logged at its log_guest_addr", MIGRATION, PF(LOG_SHMFD),
	     log_of_ring, 0,),
	BOTH("log-off", "nothing is logged without VHOST_F_LOG_ALL", MIGRATION, PF(LOG_SHMFD),
	     log_without_feature, 0,),
	BOTH("inflight", "requests are completed with an in-flight area", AREAS, INFLIGHT, area_in_use,
	     0,),
	SPLIT_ROW("resubmitted", "a request in flight is completed once behind a crash", AREAS, INFLIGHT,
		  is_resubmitted, .base = 0),
	SPLIT_ROW("not-resubmitted", "a used request is not repeated behind a crash", AREAS, INFLIGHT,
		  is_complete, .base = 0),
	{ NULL, NULL, NULL, 0, NULL, NULL }
};

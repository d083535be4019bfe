/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check": the memory table, regions, logs and in-flight areas. */
#include <config.h>

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "check_case.h"

#define V1 VHOST_USER_HDR_VERSION
#define PF(name) VHOST_USER_PROTOCOL_BIT(name)
#define PAGE 4096u

/* -------------------------------------------------------------------- table */

/* A table of n regions of two pages each, a page apart; returns its size. */
static uint32_t fill_table(struct vhost_user_mem_table *table, unsigned int n)
{
	unsigned int i;

	memset(table, 0, sizeof(*table));
	table->nregions = n;
	for (i = 0; i < n && i < VHOST_USER_MAX_REGIONS; i++)
		table->regions[i] = check_region(i * 3 * PAGE, 2 * PAGE);
	return 8 + 32 * n;
}

static bool table_acked(struct check *c, unsigned int n)
{
	struct vhost_user_mem_table table;
	uint32_t size = fill_table(&table, n);
	int fds[VHOST_USER_MAX_REGIONS];
	unsigned int i;

	for (i = 0; check_guest(c) && i < n; i++)
		fds[i] = c->memory;
	return c->guest &&
	       check_acked(c, VHOST_USER_SET_MEM_TABLE, &table, size, fds, n);
}

static void table_of_one(struct check *c)
{
	(void)table_acked(c, 1);
}

static void table_of_eight(struct check *c)
{
	(void)table_acked(c, VHOST_USER_MAX_REGIONS);
}

static void table_replaced(struct check *c)
{
	if (table_acked(c, 1) && table_acked(c, 3))
		(void)table_acked(c, 2);
}

static void table_of_bytes(struct check *c)
{
	struct vhost_user_mem_table table = { .nregions = 1 };

	table.regions[0] = check_region(0, 0x3b10);
	table.regions[0].guest_addr = 0x100;
	if (check_guest(c))
		(void)check_acked(c, VHOST_USER_SET_MEM_TABLE, &table, 40, &c->memory, 1);
}

static void table_of_eventfd(struct check *c)
{
	struct vhost_user_mem_table table;
	int fd = eventfd(0, EFD_CLOEXEC);

	fill_table(&table, 1);
	check_survives_request(c, VHOST_USER_SET_MEM_TABLE, &table, 40, &fd, 1);
	vsu_fd_close(&fd);
}

/* ------------------------------------------------------------------ regions */

static struct vhost_user_mem_reg slot_at(uint64_t offset)
{
	const struct vhost_user_mem_reg slot = {
		.region = check_region(offset, 2 * PAGE)
	};

	return slot;
}

static bool add_slot(struct check *c, uint64_t offset)
{
	const struct vhost_user_mem_reg slot = slot_at(offset);

	return check_guest(c) &&
	       check_acked(c, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), &c->memory, 1);
}

static bool remove_slot(struct check *c, uint64_t offset)
{
	const struct vhost_user_mem_reg slot = slot_at(offset);

	return check_acked_plain(c, VHOST_USER_REM_MEM_REG, &slot, sizeof(slot));
}

static void slot_added(struct check *c)
{
	(void)add_slot(c, 0);
}

static void slot_removed(struct check *c)
{
	if (add_slot(c, 0))
		(void)remove_slot(c, 0);
}

static void slot_added_again(struct check *c)
{
	if (add_slot(c, 0) && remove_slot(c, 0))
		(void)add_slot(c, 0);
}

static void slots_in_any_order(struct check *c)
{
	if (add_slot(c, 8 * PAGE) && add_slot(c, 0) && add_slot(c, 4 * PAGE) &&
	    remove_slot(c, 0) && remove_slot(c, 8 * PAGE))
		(void)remove_slot(c, 4 * PAGE);
}

static void slot_removed_without_offset(struct check *c)
{
	struct vhost_user_mem_reg slot = slot_at(4 * PAGE);

	slot.region.mmap_offset = 0;
	if (add_slot(c, 4 * PAGE))
		(void)check_acked_plain(c, VHOST_USER_REM_MEM_REG, &slot, sizeof(slot));
}

static void slot_unknown(struct check *c)
{
	const struct vhost_user_mem_reg slot = slot_at(0);

	if (check_refused(c, VHOST_USER_REM_MEM_REG, &slot, sizeof(slot), NULL, 0))
		(void)check_survives(c);
}

static void slot_without_fd(struct check *c)
{
	const struct vhost_user_mem_reg slot = slot_at(0);

	if (check_refused(c, VHOST_USER_ADD_MEM_REG, &slot, sizeof(slot), NULL, 0))
		(void)check_survives(c);
}

/* ------------------------------------------------------- logs, in-flight area */

static void log_reply(struct check *c)
{
	const struct vhost_user_log log = { PAGE, 0 };
	struct check_reply reply;

	if (check_guest(c) &&
	    check_send(c, VHOST_USER_SET_LOG_BASE, V1, &log, sizeof(log), &c->memory, 1))
		(void)check_reply(c, VHOST_USER_SET_LOG_BASE, &reply);
}

static bool get_inflight(struct check *c, uint16_t queues, uint16_t size,
			 struct check_reply *reply)
{
	const struct vhost_user_inflight want = { .num_queues = queues, .queue_size = size };

	return check_send(c, VHOST_USER_GET_INFLIGHT_FD, V1, &want, sizeof(want), NULL, 0) &&
	       check_reply(c, VHOST_USER_GET_INFLIGHT_FD, reply);
}

static void inflight_area(struct check *c)
{
	struct vhost_user_inflight area;
	struct check_reply reply;

	if (!get_inflight(c, 1, 128, &reply) ||
	    !check_that(c, reply.hdr.size == sizeof(area), "%u bytes", reply.hdr.size))
		return;
	memcpy(&area, reply.payload, sizeof(area));
	(void)check_that(c, area.mmap_size >= 16 + 16 * 128 && reply.nfds == 1,
			 "an area of %u bytes with %u descriptors",
			 (unsigned int)area.mmap_size, reply.nfds);
}

static void inflight_of_nothing(struct check *c)
{
	struct check_reply reply;

	if (get_inflight(c, 0, 0, &reply))
		(void)check_survives(c);
}

/* --------------------------------------------------------------------- rows */

#define ACCESS "Memory access"
#define REGIONS "Front-end message types"
#define LOG "Migration"
#define INFLIGHT "Inflight I/O tracking"
#define ACK PF(REPLY_ACK)
#define SLOTS (PF(REPLY_ACK) | PF(CONFIGURE_MEM_SLOTS))

#define BAD(name, rule, section, needs, ...) \
	{ name, rule CHECK_SURVIVED, section, needs, __VA_ARGS__ }
/* A table of n regions. */
#define TABLE(name, rule, nfds, n, ...) \
	BAD(name, rule, ACCESS, 0, CHECK_BAD(SET_MEM_TABLE, nfds, false, 8 + 32 * (n), \
		struct vhost_user_mem_table, n, 0, { __VA_ARGS__ }))
#define LOG_BASE(nfds, ...) \
	CHECK_BAD(SET_LOG_BASE, nfds, false, 16, struct vhost_user_log, __VA_ARGS__)
#define AREA(nfds, size) \
	CHECK_BAD(SET_INFLIGHT_FD, nfds, false, 24, struct vhost_user_inflight, size, 0, 1, 128, 0)
#define LAST_PAGE (UINT64_MAX - PAGE + 1)

const struct check_case check_memory[] = {
	{ "table.one", "a table of one region is accepted", ACCESS, ACK, table_of_one, NULL },
	{ "table.eight", "a table of eight regions is accepted", ACCESS, ACK, table_of_eight, NULL },
	{ "table.replaced", "a new table replaces the old one", ACCESS, ACK, table_replaced, NULL },
	{ "table.bytes", "a region may begin and end inside a page", ACCESS, ACK, table_of_bytes, NULL },
	TABLE("table.empty", "an empty table", 0, 0, { 0, 0, 0, 0 }),
	TABLE("table.no-descriptor", "a region without a descriptor", 0, 1, CHECK_REGION(0, PAGE)),
	TABLE("table.descriptors", "a table with more descriptors than regions", 8, 1,
	      CHECK_REGION(0, PAGE)),
	TABLE("table.beyond-file", "a region beyond its file", 1, 1,
	      CHECK_REGION(0, CHECK_MEMORY_SIZE * 4)),
	TABLE("table.wraps", "a region that wraps", 1, 1, { LAST_PAGE, 2 * PAGE, CHECK_USER_ADDR, 0 }),
	TABLE("table.offset-wraps", "an offset that wraps", 1, 1,
	      { CHECK_GUEST_ADDR, PAGE, CHECK_USER_ADDR, LAST_PAGE }),
	TABLE("table.size-0", "a region of 0 bytes", 1, 1, CHECK_REGION(0, 0)),
	TABLE("table.huge", "a region of 2^64 bytes", 1, 1, CHECK_REGION(0, UINT64_MAX - PAGE)),
	TABLE("table.overlaps", "a region that overlaps another", 2, 2, CHECK_REGION(0, 5 * PAGE),
	      CHECK_REGION(3 * PAGE, 2 * PAGE)),
	BAD("table.count", "a count beyond the payload", ACCESS, 0,
	    CHECK_BAD(SET_MEM_TABLE, 1, false, 40, struct vhost_user_mem_table, 0x08000001, 0,
		      { CHECK_REGION(0, 2 * PAGE) })),
	{ "table.eventfd", "memory of an eventfd does not end the back-end",
	  ACCESS, 0, table_of_eventfd, NULL },
	{ "slot.added", "ADD_MEM_REG is acknowledged", REGIONS, SLOTS, slot_added, NULL },
	{ "slot.removed", "REM_MEM_REG is acknowledged", REGIONS, SLOTS, slot_removed, NULL },
	{ "slot.again", "a removed region can be added again", REGIONS, SLOTS, slot_added_again, NULL },
	{ "slot.order", "regions may come and go in any order", REGIONS, SLOTS, slots_in_any_order, NULL },
	{ "slot.offset", "the offset of a region to remove is ignored", REGIONS, SLOTS,
	  slot_removed_without_offset, NULL },
	{ "slot.unknown", "REM_MEM_REG of an unknown region is refused",
	  REGIONS, SLOTS, slot_unknown, NULL },
	{ "slot.no-descriptor", "ADD_MEM_REG without a descriptor is refused", REGIONS, SLOTS,
	  slot_without_fd, NULL },
	BAD("slot.short", "ADD_MEM_REG that is too short", REGIONS, PF(CONFIGURE_MEM_SLOTS),
	    CHECK_BAD(ADD_MEM_REG, 1, false, 32, struct vhost_user_mem_reg, 0,
		      CHECK_REGION(0, 2 * PAGE))),
	{ "log.reply", "SET_LOG_BASE has a reply", LOG, PF(LOG_SHMFD), log_reply, NULL },
	BAD("log.huge", "a log of 2^64 bytes", LOG, PF(LOG_SHMFD), LOG_BASE(1, UINT64_MAX, PAGE)),
	BAD("log.no-descriptor", "a log without a descriptor", LOG, PF(LOG_SHMFD), LOG_BASE(0, PAGE, 0)),
	{ "inflight.area", "GET_INFLIGHT_FD has an area of sufficient size", INFLIGHT,
	  PF(INFLIGHT_SHMFD), inflight_area, NULL },
	{ "inflight.nothing", "an area for no queues does not end the back-end", INFLIGHT,
	  PF(INFLIGHT_SHMFD), inflight_of_nothing, NULL },
	BAD("inflight.short", "an area beyond its file", INFLIGHT, PF(INFLIGHT_SHMFD),
	    AREA(1, CHECK_MEMORY_SIZE * 16)),
	BAD("inflight.no-descriptor", "an area without a descriptor", INFLIGHT, PF(INFLIGHT_SHMFD),
	    AREA(0, PAGE)),
	{ NULL, NULL, NULL, 0, NULL, NULL }
};

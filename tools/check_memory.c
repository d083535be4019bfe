/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check": the memory table, regions, logs and in-flight areas. */
#include <config.h>

#include "check_case.h"

#define PAGE 4096u

/* Tables of so many regions, one after the other: each has two pages, a page apart. */
static bool tables(struct check *c)
{
	const unsigned int *n;
	int fds[VHOST_USER_MAX_REGIONS];
	struct vhost_user_mem_table table = { .nregions = 0 };
	unsigned int i;

	for (i = 0; i < VHOST_USER_MAX_REGIONS; i++) {
		table.regions[i] = (struct vhost_user_mem_region)CHECK_REGION(i * 3 * PAGE, 2 * PAGE);
		fds[i] = c->memory;
	}
	for (n = c->row->with; *n; n++) {
		table.nregions = *n;
		if (!check_acked(c, VHOST_USER_SET_MEM_TABLE, &table, 8 + 32 * *n, fds, *n))
			return false;
	}
	return true;
}

/* A region of two pages comes or goes. */
struct move {
	uint32_t number;
	uint64_t at, offset;	/* in the memory of the guest, and as it is sent */
};

static bool moves(struct check *c)
{
	const struct move *m;
	struct vhost_user_mem_reg slot = { .padding = 0 };

	for (m = c->row->with; m->number; m++) {
		slot.region = (struct vhost_user_mem_region)CHECK_REGION(m->at, 2 * PAGE);
		slot.region.mmap_offset = m->offset;
		if (!check_acked(c, m->number, &slot, sizeof(slot), &c->memory,
				 m->number == VHOST_USER_ADD_MEM_REG))
			return false;
	}
	return true;
}

static bool area_is_sufficient(struct check *c)
{
	struct vhost_user_inflight area;

	return check_reply_bytes(c, &area, sizeof(area)) &&
	       check_that(c, area.mmap_size >= 16 + 16 * 128 && c->reply.nfds == 1,
			  "an area of %u bytes with %u descriptors",
			  (unsigned int)area.mmap_size, c->reply.nfds);
}

/* --------------------------------------------------------------------- rows */

#define SLOTS (PF(REPLY_ACK) | PF(CONFIGURE_MEM_SLOTS))

#define TABLES(name, rule, ...) \
	{ name, rule, ACCESS, ACK, (const unsigned int[]){ __VA_ARGS__, 0 }, { check_guest, tables } }
#define ADD(page) { VHOST_USER_ADD_MEM_REG, (page) * PAGE, (page) * PAGE }
#define REMOVE(page) { VHOST_USER_REM_MEM_REG, (page) * PAGE, (page) * PAGE }
#define MOVES(name, rule, ...) \
	{ name, rule, TYPES, SLOTS, (const struct move[]){ __VA_ARGS__, { 0, 0, 0 } }, \
	  { check_guest, moves } }
#define BAD(name, rule, section, needs, ...) \
	{ name, rule CHECK_SURVIVED, section, needs, __VA_ARGS__, CHECK_BAD }
/* A table of n regions. */
#define TABLE(name, rule, nfds, n, ...) \
	BAD(name, rule, ACCESS, 0, CHECK_MESSAGE(SET_MEM_TABLE, nfds, 8 + 32 * (n), \
		struct vhost_user_mem_table, n, 0, { __VA_ARGS__ }))
#define SLOT(number, size) \
	CHECK_MESSAGE(number, 0, size, struct vhost_user_mem_reg, 0, CHECK_REGION(0, 2 * PAGE))
#define LOG_BASE(nfds, ...) \
	CHECK_MESSAGE(SET_LOG_BASE, nfds, 16, struct vhost_user_log, __VA_ARGS__)
#define AREA(number, nfds, ...) \
	CHECK_MESSAGE(number, nfds, 24, struct vhost_user_inflight, __VA_ARGS__)
#define LAST_PAGE (UINT64_MAX - PAGE + 1)

const struct check_case check_memory[] = {
	TABLES("table.one", "a table of one region is accepted", 1),
	TABLES("table.eight", "a table of eight regions is accepted", VHOST_USER_MAX_REGIONS),
	TABLES("table.replaced", "a new table replaces the old one", 1, 3, 2),
	{ "table.bytes", "a region may begin and end inside a page", ACCESS, ACK,
	  CHECK_MESSAGE(SET_MEM_TABLE, 1, 40, struct vhost_user_mem_table, 1, 0,
			{ { 0x100, 0x3b10, CHECK_USER_ADDR, 0 } }), { check_guest, check_row_acked } },
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
	    CHECK_MESSAGE(SET_MEM_TABLE, 1, 40, struct vhost_user_mem_table, 0x08000001, 0,
		      { CHECK_REGION(0, 2 * PAGE) })),
	BAD("table.eventfd", "memory of an eventfd", ACCESS, 0,
	    CHECK_EVENTS(SET_MEM_TABLE, 1, 40, struct vhost_user_mem_table, 1, 0,
			 { CHECK_REGION(0, 2 * PAGE) })),
	MOVES("slot.added", "ADD_MEM_REG is acknowledged", ADD(0)),
	MOVES("slot.removed", "REM_MEM_REG is acknowledged", ADD(0), REMOVE(0)),
	MOVES("slot.again", "a removed region can be added again", ADD(0), REMOVE(0), ADD(0)),
	MOVES("slot.order", "regions may come and go in any order", ADD(8), ADD(0), ADD(4), REMOVE(0),
	      REMOVE(8), REMOVE(4)),
	MOVES("slot.offset", "the offset of a region to remove is ignored", ADD(4),
	      { VHOST_USER_REM_MEM_REG, 4 * PAGE, 0 }),
	{ "slot.unknown", "REM_MEM_REG of an unknown region is refused", TYPES, SLOTS,
	  SLOT(REM_MEM_REG, 40), { check_row_refused, check_survives } },
	{ "slot.no-descriptor", "ADD_MEM_REG without a descriptor is refused", TYPES, SLOTS,
	  SLOT(ADD_MEM_REG, 40), { check_row_refused, check_survives } },
	BAD("slot.short", "ADD_MEM_REG that is too short", TYPES, PF(CONFIGURE_MEM_SLOTS),
	    CHECK_MESSAGE(ADD_MEM_REG, 1, 32, struct vhost_user_mem_reg, 0,
			  CHECK_REGION(0, 2 * PAGE))),
	{ "log.reply", "SET_LOG_BASE has a reply", MIGRATION, PF(LOG_SHMFD), LOG_BASE(1, PAGE, 0),
	  { check_guest, check_row_replied } },
	BAD("log.huge", "a log of 2^64 bytes", MIGRATION, PF(LOG_SHMFD), LOG_BASE(1, UINT64_MAX, PAGE)),
	BAD("log.no-descriptor", "a log without a descriptor", MIGRATION, PF(LOG_SHMFD), LOG_BASE(0, PAGE, 0)),
	{ "inflight.area", "GET_INFLIGHT_FD has an area of sufficient size", TRACKING,
	  PF(INFLIGHT_SHMFD), AREA(GET_INFLIGHT_FD, 0, 0, 0, 1, 128, 0),
	  { check_row_replied, area_is_sufficient } },
	{ "inflight.nothing", "an area for no queues" CHECK_SURVIVED, TRACKING, PF(INFLIGHT_SHMFD),
	  AREA(GET_INFLIGHT_FD, 0, 0, 0, 0, 0, 0), { check_row_replied, check_survives } },
	BAD("inflight.short", "an area beyond its file", TRACKING, PF(INFLIGHT_SHMFD),
	    AREA(SET_INFLIGHT_FD, 1, CHECK_MEMORY_SIZE * 16, 0, 1, 128, 0)),
	BAD("inflight.no-descriptor", "an area without a descriptor", TRACKING, PF(INFLIGHT_SHMFD),
	    AREA(SET_INFLIGHT_FD, 0, PAGE, 0, 1, 128, 0)),
	{ .name = NULL }
};

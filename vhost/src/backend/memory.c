/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory as announced by the front-end. A change is staged first
 * (mapped, checked, turned into a map), so that a refused change modifies
 * nothing. Then it is published at once.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "backend/priv.h"
#include "backend/postcopy.h"
#include <vm-memory/block.h>
#include <vm-memory/iotlb.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>

#define PLACE VHOST_USER_PRIV_PLACE
#define PLACE_ARGS VHOST_USER_PRIV_PLACE_ARGS

void vhost_user_priv_memory_fini(struct vhost_user_backend *b)
{
	vhost_user_priv_unstage(b);
	b->log.block = vmem_block_unref(b->log.block);
	b->inflight.block = vmem_block_unref(b->inflight.block);
	b->inflight.kept = vmem_block_unref(b->inflight.kept);
	vhost_user_priv_table_free(&b->mem.table);
	vhost_user_priv_iotlb_clear(b);
	vmem_iotlb_free(b->mem.iotlb);
	b->mem.iotlb = NULL;
	vmem_space_free(b->mem.space);
	b->mem.space = NULL;
}

/* staging */

static int stage_empty(struct vhost_user_backend *b, uint32_t room,
		       struct vsu_error *err)
{
	vhost_user_priv_unstage(b);
	b->mem.staged.slots = malloc((room ? room : 1) * sizeof(*b->mem.staged.slots));
	return b->mem.staged.slots ? 0 : vsu_error_sys(err, -ENOMEM,
						   "cannot keep a memory table");
}

/* Copies the current table without one slot. */
static int stage_copy(struct vhost_user_backend *b, uint32_t room,
		      const struct vhost_user_priv_slot *without,
		      struct vsu_error *err)
{
	const struct vhost_user_priv_slot *s;
	int rc = stage_empty(b, room, err);
	uint32_t i;

	if (rc < 0)
		return rc;
	for (i = 0; i < b->mem.table.n; i++) {
		s = &b->mem.table.slots[i];
		if (s == without)
			continue;
		b->mem.staged.slots[b->mem.staged.n] = *s;
		vmem_region_ref(s->region);
		b->mem.staged.n++;
	}
	return 0;
}

static int stage_map(struct vhost_user_backend *b, struct vsu_error *err)
{
	struct vmem_region *regions[VHOST_USER_PRIV_MAX_SLOTS];
	uint32_t i;

	for (i = 0; i < b->mem.staged.n; i++)
		regions[i] = b->mem.staged.slots[i].region;
	return vmem_map_from_regions(regions, b->mem.staged.n, &b->mem.staged_map, err);
}

/* messages */

/*
 * A ring whose areas move restarts with no chain in flight. If memory is only
 * added, rings continue and see it at their next use.
 */
static int how_quiet(const struct vhost_user_backend *b)
{
	if (vhost_user_priv_any_moves(b))
		return VHOST_USER_PRIV_DRAIN;
	return vhost_user_priv_table_grows(&b->mem.table, &b->mem.staged) ?
	       VHOST_USER_PRIV_GO : VHOST_USER_PRIV_QUIET;
}

static int check_confirmed(struct vhost_user_backend *b, struct vsu_error *err)
{
	int rc;

	vhost_user_priv_unstage(b);
	rc = vhost_user_priv_postcopy_restage(b, err);
	return rc < 0 ? rc : how_quiet(b);
}

static int check_table(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_mem_table *t = &msg->payload.table;
	uint32_t i;
	int rc;

	if (t->nregions == 0 && b->postcopy.listening)
		return check_confirmed(b, err);
	if (t->nregions == 0)
		return vsu_error_set(err, -EBADMSG,
				     "SET_MEM_TABLE has no regions");
	rc = stage_empty(b, t->nregions, err);
	for (i = 0; rc == 0 && i < t->nregions; i++)
		rc = vhost_user_priv_table_add(b, &b->mem.staged, &t->regions[i],
					       &msg->fds[i], &b->mem.table, err);
	vhost_user_priv_close_spare(&b->mem.staged);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	if (rc == 0 && b->postcopy.listening)
		return VHOST_USER_PRIV_GO;	/* nothing is published yet */
	return rc < 0 ? rc : how_quiet(b);
}

static int get_max_slots(struct vhost_user_backend *b,
			 struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	return vhost_user_priv_reply_u64(msg, b->config.max_slots);
}

/* The offset does not identify a region: some front-ends send 0. */
static const struct vhost_user_priv_slot *
find_slot(const struct vhost_user_priv_table *t,
	  const struct vhost_user_mem_region *r)
{
	const struct vhost_user_mem_region *o;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		o = &t->slots[i].wire;
		if (o->guest_addr == r->guest_addr && o->size == r->size &&
		    o->user_addr == r->user_addr)
			return &t->slots[i];
	}
	return NULL;
}

/*
 * The slot added last must have the mapping of the existing one; otherwise the
 * front-end would have to map another one in its place.
 */
static int check_same(const struct vhost_user_backend *b,
		      const struct vhost_user_priv_slot *before,
		      struct vsu_error *err)
{
	const struct vhost_user_priv_slot *s = &b->mem.staged.slots[b->mem.staged.n - 1];

	if (!before || vmem_region_block(s->region) ==
		       vmem_region_block(before->region))
		return 0;
	return vsu_error_set(err, -EEXIST, PLACE ": it exists, with another file",
			     PLACE_ARGS(&s->wire));
}

/*
 * No ring is affected: rings continue and see the new region at their next use.
 * An existing region is accepted again and changes nothing, also behind an
 * IOMMU: QEMU up to 7.2 sends each region once per queue pair of a network card.
 */
static int check_add(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_mem_region *r = &msg->payload.region.region;
	const struct vhost_user_priv_slot *before = find_slot(&b->mem.table, r);
	int rc;

	if (!before && b->mem.table.n >= b->config.max_slots)
		return vsu_error_set(err, -ENOSPC,
				     "ADD_MEM_REG: all %u memory slots are in use",
				     b->config.max_slots);
	rc = stage_copy(b, b->mem.table.n + 1, before, err);
	if (rc == 0)
		rc = vhost_user_priv_table_add(b, &b->mem.staged, r, &msg->fds[0],
					       before ? &b->mem.table : NULL, err);
	vhost_user_priv_close_spare(&b->mem.staged);
	if (rc == 0)
		rc = check_same(b, before, err);
	if (rc == 0 && before)
		rc = stage_copy(b, b->mem.table.n, NULL, err);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

static int check_remove(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_mem_region *r = &msg->payload.region.region;
	const struct vhost_user_priv_slot *gone = find_slot(&b->mem.table, r);
	int rc;

	if (!gone)
		return vsu_error_set(err, -ENOENT, PLACE
				     ", user address %#" PRIx64 ": no such region exists",
				     PLACE_ARGS(r),
				     r->user_addr);
	rc = stage_copy(b, b->mem.table.n, gone, err);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	return rc < 0 ? rc : how_quiet(b);
}

/* Rings translate by guest memory, or by an IOTLB over it. */
static int publish_staged(struct vhost_user_backend *b, struct vsu_error *err)
{
	int rc;

	if (vhost_user_priv_translates(b))
		return vhost_user_priv_iotlb_set_memory(b, b->mem.staged_map,
				vhost_user_priv_table_grows(&b->mem.table,
							    &b->mem.staged), err);
	rc = vmem_space_publish(b->mem.space, b->mem.staged_map);
	return rc < 0 ? vsu_error_sys(err, rc,
				      "cannot publish the memory map") : 0;
}

/* A map can be published only once, so the same memory needs a new map. */
int vhost_user_priv_memory_switch(struct vhost_user_backend *b,
				  struct vsu_error *err)
{
	int rc = 0;

	vhost_user_priv_iotlb_clear(b);
	if (!b->mem.table.n)
		return 0;
	rc = stage_copy(b, b->mem.table.n, NULL, err);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc == 0)
		rc = publish_staged(b, err);
	vhost_user_priv_unstage(b);
	vmem_space_reclaim(b->mem.space);
	return rc;
}

static int commit_memory(struct vhost_user_backend *b,
			 struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc;

	(void)msg;
	vhost_user_priv_suspend_moving(b);
	rc = publish_staged(b, err);
	if (rc < 0) {
		vhost_user_priv_unstage(b);
		return rc;
	}
	vhost_user_priv_postcopy_let_go(b, &b->mem.table, &b->mem.staged);
	vhost_user_priv_table_free(&b->mem.table);
	b->mem.table = b->mem.staged;
	memset(&b->mem.staged, 0, sizeof(b->mem.staged));
	vhost_user_priv_unstage(b);
	vhost_user_priv_refresh_quiet(b);
	vmem_space_reclaim(b->mem.space);
	b->rings_changed = true;
	return 0;
}

static int set_table(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	int rc;

	if (!b->postcopy.listening || !msg->payload.table.nregions)
		return commit_memory(b, msg, err);
	rc = vhost_user_priv_postcopy_hold(b, msg, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	return rc;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_SET_MEM_TABLE, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_GO,
	  check_table, set_table, NULL },
	{ VHOST_USER_GET_MAX_MEM_SLOTS, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_max_slots, NULL },
	{ VHOST_USER_ADD_MEM_REG, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  check_add, commit_memory, NULL },
	{ VHOST_USER_REM_MEM_REG, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_GO,
	  check_remove, commit_memory, NULL },
};

VHOST_USER_PRIV_HANDLERS(memory_handlers, handlers);

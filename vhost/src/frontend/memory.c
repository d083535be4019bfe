/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory, as the back-end is told of it: either one table that
 * replaces the former, or slots that are taken away and added one by one.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/frontend_priv.h"
#include <vmm-sys-util/checked.h>

/* -------------------------------------------------------------- what is sent */

/*
 * Another process can map it and see what the guest stores. ROM is left out:
 * no device has business there, and it is often private.
 */
static bool is_shared(const struct vmem_region *region)
{
	const struct vmem_block *block = vmem_region_block(region);

	return vmem_block_fd(block) >= 0 &&
	       vmem_block_flags(block) & VMEM_BLOCK_SHARED;
}

static int check_region(const struct vmem_region *region,
			struct vsu_error *err)
{
	uint64_t gpa = vmem_region_gpa(region), end;
	uint64_t len = vmem_region_len(region);

	if (!is_shared(region))
		return vsu_error_set(err, -EINVAL, "memory at %#" PRIx64
				     " (%#" PRIx64 " bytes) cannot be shared with a back-end; use a memory back-end with a file and share=on", gpa, len);
	if (vsu_u64_add_overflow(gpa, len - 1, &end) ||
	    vsu_u64_add_overflow(end, FE_USER_BASE, &end))
		return vsu_error_set(err, -EINVAL, "memory at %#" PRIx64
				     " (%#" PRIx64 " bytes) lies too high for a back-end", gpa, len);
	return 0;
}

/* The map can be sent; *n is the number of regions. */
static int check_map(const struct vmem_map *map, unsigned int *n,
		     struct vsu_error *err)
{
	unsigned int i, count = vmem_map_count(map);
	int rc;

	*n = 0;
	for (i = 0; i < count; i++) {
		const struct vmem_region *region = vmem_map_region(map, i);

		if (vmem_region_is_rom(region))
			continue;
		rc = check_region(region, err);
		if (rc < 0)
			return rc;
		(*n)++;
	}
	return 0;
}

static int check_room(const struct vhost_user_frontend *f, unsigned int n,
		      struct vsu_error *err)
{
	if (n <= f->max_slots)
		return 0;
	return vsu_error_set(err, -ENOSPC,
			     "the guest has %u regions of memory, the back-end '%s' takes %" PRIu32,
			     n, f->peer,
			     f->max_slots);
}

/* Region i of those that are sent, in order; NULL behind the last. */
static struct vmem_region *next_shared(const struct vmem_map *map,
				       unsigned int *i)
{
	struct vmem_region *region;

	while (*i < vmem_map_count(map)) {
		region = vmem_map_region(map, (*i)++);
		if (!vmem_region_is_rom(region))
			return region;
	}
	return NULL;
}

/* ----------------------------------------------------------------- planning */

static bool holds(const struct fe_memory *mem, const struct vmem_region *region)
{
	unsigned int i;

	for (i = 0; i < mem->nheld; i++)
		if (mem->held[i] == region)
			return true;
	return false;
}

static bool wants(const struct vmem_map *map, const struct vmem_region *region)
{
	return vmem_map_find(map, vmem_region_gpa(region)) == region &&
	       !vmem_region_is_rom(region);
}

static void forget_changes(struct fe_memory *mem)
{
	unsigned int i;

	for (i = 0; i < mem->nchanges; i++)
		vmem_region_unref(mem->changes[i].region);
	free(mem->changes);
	mem->changes = NULL;
	mem->nchanges = 0;
}

static void add_change(struct fe_memory *mem, struct vmem_region *region,
		       bool add)
{
	struct fe_change *change = &mem->changes[mem->nchanges++];

	change->region = vmem_region_ref(region);
	change->add = add;
	change->refused = false;
}

/* Removals first: what is added may lie where something was. */
static void list_changes(struct fe_memory *mem)
{
	struct vmem_region *region;
	unsigned int i;

	for (i = 0; i < mem->nheld; i++)
		if (!wants(mem->wanted, mem->held[i]))
			add_change(mem, mem->held[i], false);
	for (i = 0; (region = next_shared(mem->wanted, &i)); )
		if (!holds(mem, region))
			add_change(mem, region, true);
}

int vhost_user_priv_fe_plan_memory(struct vhost_user_frontend *f,
				   struct vsu_error *err)
{
	struct fe_memory *mem = &f->mem;
	struct fe_change *changes;
	unsigned int n;
	int rc;

	rc = check_map(mem->wanted, &n, err);
	if (!rc)
		rc = check_room(f, n, err);
	if (rc < 0)
		return rc;
	changes = calloc(n + mem->nheld + 1, sizeof(*changes));
	if (!changes)
		return vsu_error_sys(err, -ENOMEM, "memory of the guest");
	forget_changes(mem);
	mem->changes = changes;
	list_changes(mem);
	mem->whole = !fe_has(f, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS);
	return 0;
}

static void add_held(struct fe_memory *mem, struct vmem_region *region)
{
	mem->held[mem->nheld++] = vmem_region_ref(region);
}

static void remove_held(struct fe_memory *mem,
			const struct vmem_region *region)
{
	unsigned int i;

	for (i = 0; i < mem->nheld; i++) {
		if (mem->held[i] != region)
			continue;
		vmem_region_unref(mem->held[i]);
		mem->held[i] = mem->held[--mem->nheld];
		return;
	}
}

/* A table is refused as a whole, slots one by one. */
void vhost_user_priv_fe_apply_answers(struct vhost_user_frontend *f)
{
	struct fe_memory *mem = &f->mem;
	bool none = mem->whole && mem->refused && mem->former;
	const struct fe_change *c;
	unsigned int i;

	for (i = 0; i < mem->nchanges; i++) {
		c = &mem->changes[i];
		if (c->refused || none)
			continue;
		if (c->add)
			add_held(mem, c->region);
		else
			remove_held(mem, c->region);
	}
	forget_changes(mem);
}

void vhost_user_priv_fe_forget_held(struct vhost_user_frontend *f)
{
	struct fe_memory *mem = &f->mem;

	forget_changes(mem);
	while (mem->nheld)
		vmem_region_unref(mem->held[--mem->nheld]);
	mem->former = vmem_map_unref(mem->former);
	mem->refused = false;
}

void vhost_user_priv_fe_free_memory(struct vhost_user_frontend *f)
{
	struct fe_memory *mem = &f->mem;

	vhost_user_priv_fe_forget_held(f);
	free(mem->held);
	mem->held = NULL;
	mem->wanted = vmem_map_unref(mem->wanted);
}

/* ----------------------------------------------------------------- messages */

static struct vhost_user_mem_region describe(const struct vmem_region *region)
{
	const struct vhost_user_mem_region r = {
		.guest_addr = vmem_region_gpa(region),
		.size = vmem_region_len(region),
		.user_addr = vmem_region_gpa(region) + FE_USER_BASE,
		.mmap_offset = vmem_region_file_pos(region, 0),
	};

	return r;
}

static int send_table(struct vhost_user_frontend *f, struct vsu_error *err)
{
	struct vhost_user_mem_table table = { 0 };
	int fds[VHOST_USER_MAX_REGIONS];
	struct vmem_region *region;
	struct fe_request r = {
		.number = VHOST_USER_SET_MEM_TABLE,
		.head = &table,
		.fds = fds,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM,
			  .item = UINT32_MAX },
	};
	unsigned int i = 0;

	while ((region = next_shared(f->mem.wanted, &i))) {
		fds[table.nregions] = vmem_block_fd(vmem_region_block(region));
		table.regions[table.nregions++] = describe(region);
	}
	r.nfds = table.nregions;
	r.head_len = offsetof(struct vhost_user_mem_table, regions) +
		     table.nregions * sizeof(table.regions[0]);
	return vhost_user_priv_fe_request(f, &r, err);
}

static int send_slot(struct vhost_user_frontend *f, unsigned int item,
		     struct vsu_error *err)
{
	const struct fe_change *c = &f->mem.changes[item];
	const struct vhost_user_mem_reg reg = { .region = describe(c->region) };
	int fd = vmem_block_fd(vmem_region_block(c->region));
	const struct fe_request r = {
		.number = c->add ? VHOST_USER_ADD_MEM_REG :
				   VHOST_USER_REM_MEM_REG,
		.head = &reg,
		.head_len = sizeof(reg),
		.fds = &fd,
		.nfds = c->add,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM,
			  .item = item },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

unsigned int vhost_user_priv_fe_memory_count(struct vhost_user_frontend *f)
{
	if (f->mem.whole)
		return f->mem.nchanges ? 1 : 0;
	return f->mem.nchanges;
}

int vhost_user_priv_fe_send_memory(struct vhost_user_frontend *f,
				   unsigned int item, struct vsu_error *err)
{
	return f->mem.whole ? send_table(f, err) : send_slot(f, item, err);
}

/* held never needs room while answers arrive. */
static int reserve_held(struct vhost_user_frontend *f)
{
	const unsigned int most = FE_MAX_SLOTS > VHOST_USER_MAX_REGIONS ?
				  FE_MAX_SLOTS : VHOST_USER_MAX_REGIONS;

	if (!f->mem.held)
		f->mem.held = calloc(most, sizeof(*f->mem.held));
	return f->mem.held ? 0 : -ENOMEM;
}

int vhost_user_priv_fe_check_memory(struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err)
{
	unsigned int n;
	int rc = check_map(map, &n, err);

	if (!rc && f->state != VHOST_USER_FRONTEND_NEGOTIATING)
		rc = check_room(f, n, err);
	if (!rc && f->state == VHOST_USER_FRONTEND_RUNNING)
		rc = vhost_user_priv_fe_check_rings(f, map, err);
	if (!rc && reserve_held(f) < 0)
		rc = vsu_error_sys(err, -ENOMEM, "memory of the guest");
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory as the back-end receives it: one table that replaces the
 * previous one, or slots that are removed and added individually.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/priv.h"
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

/* -------------------------------------------------------------- what is sent */

/* True if another process can map it and sees the guest's writes. */
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

/* Checks that the map can be sent; *n is the number of regions. */
static int check_map(const struct vmem_map *map, unsigned int *n,
		     struct vsu_error *err)
{
	unsigned int i, count = vmem_map_count(map);
	int rc;

	*n = 0;
	for (i = 0; i < count; i++) {
		const struct vmem_region *region = vmem_map_region(map, i);

		if (vmem_region_is_rom(region))
			continue;	/* private memory is not announced */
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
			     "the guest has %u regions of memory, the back-end '%s' supports %" PRIu32,
			     n, f->peer,
			     f->max_slots);
}

/*
 * ROM is announced if the owner requests it and the back-end can refuse it
 * separately, without effect on other memory.
 */
static bool accepts_rom(const struct vhost_user_frontend *f)
{
	return f->mem.read_only_regions && !f->mem.rom_refused && f->acks &&
	       fe_has(f, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS);
}

static bool is_sent(const struct vhost_user_frontend *f,
		    const struct vmem_region *region)
{
	return !vmem_region_is_rom(region) ||
	       (accepts_rom(f) && !check_region(region, NULL));
}

struct vmem_region *vhost_user_priv_fe_next_ram(const struct vmem_map *map,
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

/* A copy of a region, such as one with a dirty bitmap, is the same memory. */
static bool is_same_memory(const struct vmem_region *a,
			   const struct vmem_region *b)
{
	return a == b ||
	       (vmem_region_block(a) == vmem_region_block(b) &&
		vmem_region_offset(a) == vmem_region_offset(b) &&
		vmem_region_gpa(a) == vmem_region_gpa(b) &&
		vmem_region_len(a) == vmem_region_len(b) &&
		vmem_region_is_rom(a) == vmem_region_is_rom(b));
}

/* The first held region that begins at gpa or above. */
static unsigned int held_from(const struct fe_memory *mem, uint64_t gpa)
{
	unsigned int low = 0, high = mem->nheld, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (vmem_region_gpa(mem->held[mid]) < gpa)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool memory_holds(const struct fe_memory *mem, const struct vmem_region *region)
{
	const uint64_t gpa = vmem_region_gpa(region);
	unsigned int i;

	for (i = held_from(mem, gpa);
	     i < mem->nheld && vmem_region_gpa(mem->held[i]) == gpa; i++)
		if (is_same_memory(mem->held[i], region))
			return true;
	return false;
}

static bool region_wanted(const struct vhost_user_frontend *f,
			  const struct vmem_region *region)
{
	const struct vmem_region *found =
		vmem_map_find(f->mem.wanted, vmem_region_gpa(region));

	return found && is_same_memory(found, region) && is_sent(f, found);
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

/* ROM uses the remaining slots. */
static void list_rom(struct vhost_user_frontend *f, unsigned int nslots)
{
	struct fe_memory *mem = &f->mem;
	struct vmem_region *region;
	unsigned int i;

	for (i = 0; i < vmem_map_count(mem->wanted) && nslots < f->max_slots;
	     i++) {
		region = vmem_map_region(mem->wanted, i);
		if (!vmem_region_is_rom(region) || !is_sent(f, region) ||
		    memory_holds(mem, region))
			continue;
		add_change(mem, region, true);
		nslots++;
	}
}

/* Removals first: an added region may use the range of a removed one. */
static void list_changes(struct vhost_user_frontend *f)
{
	struct fe_memory *mem = &f->mem;
	struct vmem_region *region;
	unsigned int i, nslots = 0;

	for (i = 0; i < mem->nheld; i++)
		if (region_wanted(f, mem->held[i]))
			nslots++;
		else
			add_change(mem, mem->held[i], false);
	for (i = 0; (region = vhost_user_priv_fe_next_ram(mem->wanted, &i)); ) {
		if (memory_holds(mem, region))
			continue;
		add_change(mem, region, true);
		nslots++;
	}
	list_rom(f, nslots);
}

/*
 * Allocates held in advance, so that processing replies cannot fail. The
 * back-end may refuse each removal and accept each addition.
 */
static int reserve_held(struct fe_memory *mem, size_t max)
{
	struct vmem_region **held = realloc(mem->held, max * sizeof(*held));

	if (!held)
		return -ENOMEM;
	mem->held = held;
	return 0;
}

int vhost_user_priv_fe_plan_memory(struct vhost_user_frontend *f,
				   struct vsu_error *err)
{
	struct fe_memory *mem = &f->mem;
	const size_t max = (size_t)vmem_map_count(mem->wanted) + mem->nheld + 1;
	struct fe_change *changes;
	unsigned int n;
	int rc;

	rc = check_map(mem->wanted, &n, err);
	if (!rc)
		rc = check_room(f, n, err);
	if (rc < 0)
		return rc;
	changes = malloc(max * sizeof(*changes));
	if (!changes || reserve_held(mem, max) < 0) {
		free(changes);
		return vsu_error_sys(err, -ENOMEM, "memory of the guest");
	}
	forget_changes(mem);
	mem->changes = changes;
	list_changes(f);
	mem->one_table = !fe_has(f, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS);
	return 0;
}

static void add_held(struct fe_memory *mem, struct vmem_region *region)
{
	const unsigned int at = held_from(mem, vmem_region_gpa(region));

	memmove(&mem->held[at + 1], &mem->held[at],
		(mem->nheld++ - at) * sizeof(*mem->held));
	mem->held[at] = vmem_region_ref(region);
}

static void remove_held(struct fe_memory *mem,
			const struct vmem_region *region)
{
	unsigned int i;

	for (i = held_from(mem, vmem_region_gpa(region)); i < mem->nheld; i++) {
		if (mem->held[i] != region)
			continue;
		vmem_region_unref(mem->held[i]);
		memmove(&mem->held[i], &mem->held[i + 1],
			(--mem->nheld - i) * sizeof(*mem->held));
		return;
	}
}

/* A table is refused as a whole, slots individually. */
void vhost_user_priv_fe_apply_answers(struct vhost_user_frontend *f)
{
	struct fe_memory *mem = &f->mem;
	bool none = mem->one_table && mem->refused &&
		    mem->change == FE_MEMORY_CHANGES;
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
	mem->old = vmem_map_unref(mem->old);
	mem->change = FE_MEMORY_SETTLED;
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

static struct vhost_user_mem_region region_describe(
		const struct vhost_user_frontend *f,
		const struct vmem_region *region)
{
	const struct vhost_user_mem_region r = {
		.guest_addr = vmem_region_gpa(region),
		.size = vmem_region_len(region),
		.user_addr = fe_user_addr(f, vmem_region_gpa(region)),
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
		.lasting = true,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM,
			  .item = UINT32_MAX },
	};
	unsigned int i = 0;
	int rc;

	while ((region = vhost_user_priv_fe_next_ram(f->mem.wanted, &i))) {
		fds[table.nregions] = vmem_block_fd(vmem_region_block(region));
		table.regions[table.nregions++] = region_describe(f, region);
	}
	r.nfds = table.nregions;
	r.head_len = offsetof(struct vhost_user_mem_table, regions) +
		     table.nregions * sizeof(table.regions[0]);
	r.note.placing = f->postcopy.listening;
	rc = vhost_user_priv_fe_request(f, &r, err);
	f->postcopy.asked = rc == 0 && f->postcopy.listening;
	return rc;
}

static int request_slot(struct vhost_user_frontend *f, unsigned int item,
			int fd, struct vsu_error *err)
{
	const struct fe_change *c = &f->mem.changes[item];
	const struct vhost_user_mem_reg reg = { .region = region_describe(f, c->region) };
	const struct fe_request r = {
		.number = c->add ? VHOST_USER_ADD_MEM_REG :
				   VHOST_USER_REM_MEM_REG,
		.head = &reg,
		.head_len = sizeof(reg),
		.fds = &fd,
		.nfds = c->add,
		.lasting = !vmem_region_is_rom(c->region),
		.note = { .in_sequence = true, .ring = FE_NO_ITEM,
			  .item = item },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

/*
 * A read-only descriptor of a new open file, whatever the access mode of fd is;
 * or a negative errno.
 */
static int open_read_only(int fd)
{
	const int kind = vsu_foreign_kind(fd);
	char path[40];

	/* opening another kind of file may block or have side effects */
	if (kind != VSU_FOREIGN_SHARED && kind != VSU_FOREIGN_FILE)
		return -ENODEV;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static int send_rom(struct vhost_user_frontend *f, unsigned int item,
		    struct vsu_error *err)
{
	struct fe_change *c = &f->mem.changes[item];
	int fd = open_read_only(vmem_block_fd(vmem_region_block(c->region)));
	int rc;

	c->refused = fd < 0;	/* by the host: the back-end does not receive it */
	if (c->refused) {
		f->mem.rom_code = fd;
		return 0;
	}
	rc = request_slot(f, item, fd, err);
	vsu_fd_close(&fd);
	return rc;
}

void vhost_user_priv_fe_report_rom(struct vhost_user_frontend *f)
{
	struct vsu_error why = VSU_ERROR_INIT;

	if (!f->mem.rom_code || f->mem.rom_reported)
		return;
	f->mem.rom_reported = true;
	vsu_error_sys(&why, f->mem.rom_code, "read-only memory is not sent, because this process cannot open its file for reading");
	vhost_user_priv_fe_report(f, &why);
}

static int send_slot(struct vhost_user_frontend *f, unsigned int item,
		     struct vsu_error *err)
{
	const struct fe_change *c = &f->mem.changes[item];

	if (c->add && vmem_region_is_rom(c->region))
		return send_rom(f, item, err);
	return request_slot(f, item,
			    vmem_block_fd(vmem_region_block(c->region)), err);
}

bool vhost_user_priv_fe_accept_rom_refusal(struct vhost_user_frontend *f,
				    const struct fe_pending *p,
				    struct vsu_error *err)
{
	struct fe_change *c;

	if (p->request != VHOST_USER_ADD_MEM_REG || p->item >= f->mem.nchanges)
		return false;
	c = &f->mem.changes[p->item];
	if (!vmem_region_is_rom(c->region))
		return false;
	c->refused = true;
	if (!f->mem.rom_refused)
		vhost_user_priv_fe_report(f, err);
	f->mem.rom_refused = true;
	return true;
}

unsigned int vhost_user_priv_fe_memory_count(struct vhost_user_frontend *f)
{
	if (f->mem.one_table)
		return f->mem.nchanges ? 1 : 0;
	return f->mem.nchanges;
}

int vhost_user_priv_fe_send_memory(struct vhost_user_frontend *f,
				   unsigned int item, struct vsu_error *err)
{
	return f->mem.one_table ? send_table(f, err) : send_slot(f, item, err);
}

int vhost_user_priv_fe_check_memory(struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err)
{
	unsigned int n;
	int rc = check_map(map, &n, err);

	if (!rc && (f->state != VHOST_USER_FRONTEND_NEGOTIATING ||
		    f->reconnect.away))
		rc = check_room(f, n, err);
	if (!rc && f->state == VHOST_USER_FRONTEND_RUNNING)
		rc = vhost_user_priv_fe_check_rings(f, map, err);
	return rc;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(ADD_MEM_REG) },
	{ FE_SENT(REM_MEM_REG) },
};
FE_HANDLERS(memory, rows);

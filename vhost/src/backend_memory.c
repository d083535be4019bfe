/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory as the front-end announces it. A change is made ready
 * (mapped, checked, turned into a map) before anything is given up, so that a
 * refused one leaves all as it was; then it is published at once.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <backend_priv.h>
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

const struct vhost_user_mem_region *
vhost_user_priv_table_find(const struct vhost_user_priv_table *t,
			   uint64_t uaddr)
{
	const struct vhost_user_mem_region *r;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		r = &t->slots[i].wire;
		if (uaddr - r->user_addr < r->size)
			return r;
	}
	return NULL;
}

static void table_free(struct vhost_user_priv_table *t)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		vmem_region_unref(t->slots[i].region);
	free(t->slots);
	t->slots = NULL;
	t->n = 0;
}

void vhost_user_priv_unstage(struct vhost_user_backend *b)
{
	table_free(&b->staged);
	vmem_map_unref(b->staged_map);
	b->staged_map = NULL;
}

void vhost_user_priv_memory_fini(struct vhost_user_backend *b)
{
	vhost_user_priv_unstage(b);
	table_free(&b->table);
	vmem_space_free(b->space);
	b->space = NULL;
}

/* checks */

#define PLACE "region at guest address %#llx, size %#llx"
#define PLACE_ARGS(r) (unsigned long long)(r)->guest_addr, \
		      (unsigned long long)(r)->size

static int check_sums(const struct vhost_user_mem_region *r,
		      struct vsu_error *err)
{
	uint64_t end;

	if (r->size == 0)
		return vsu_error_set(err, -EINVAL, PLACE ": it is empty",
				     PLACE_ARGS(r));
	if (vsu_u64_add_overflow(r->guest_addr, r->size - 1, &end))
		return vsu_error_set(err, -EINVAL,
				     PLACE ": guest addresses wrap",
				     PLACE_ARGS(r));
	if (vsu_u64_add_overflow(r->user_addr, r->size - 1, &end))
		return vsu_error_set(err, -EINVAL,
				     PLACE ": user addresses from %#llx wrap",
				     PLACE_ARGS(r),
				     (unsigned long long)r->user_addr);
	if (vsu_u64_add_overflow(r->mmap_offset, r->size, &end))
		return vsu_error_set(err, -EINVAL,
				     PLACE ": offsets from %#llx wrap",
				     PLACE_ARGS(r),
				     (unsigned long long)r->mmap_offset);
	return 0;
}

/* Neither in guest nor in user addresses may two regions share a byte. */
static int check_alone(const struct vhost_user_priv_table *t,
		       const struct vhost_user_mem_region *r,
		       struct vsu_error *err)
{
	const struct vhost_user_mem_region *o;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		o = &t->slots[i].wire;
		if (vsu_ranges_overlap(r->guest_addr, r->size, o->guest_addr,
				       o->size))
			return vsu_error_set(err, -EEXIST, PLACE
					     ": overlaps the one at %#llx",
					     PLACE_ARGS(r), (unsigned long long)
					     o->guest_addr);
		if (vsu_ranges_overlap(r->user_addr, r->size, o->user_addr,
				       o->size))
			return vsu_error_set(err, -EEXIST, PLACE
					     ": user addresses overlap those from %#llx",
					     PLACE_ARGS(r), (unsigned long long)
					     o->user_addr);
	}
	return 0;
}

/* The sum over a table cannot wrap: its regions do not overlap. */
static int check_total(const struct vhost_user_backend *b,
		       const struct vhost_user_priv_table *t,
		       const struct vhost_user_mem_region *r,
		       struct vsu_error *err)
{
	uint64_t sum = r->size, limit = b->config.max_memory;
	uint32_t i;

	if (!limit)
		return 0;
	for (i = 0; i < t->n; i++)
		sum += t->slots[i].wire.size;
	if (sum <= limit)
		return 0;
	vsu_error_set(err, -EINVAL, PLACE
		      ": %#llx bytes of memory in all, the limit is %#llx",
		      PLACE_ARGS(r), (unsigned long long)sum,
		      (unsigned long long)limit);
	vsu_error_operands(err, 0, 0, sum, limit);
	return -EINVAL;
}

/* mapping */

/* A mapping of the same piece of the same file, to be kept. */
static const struct vhost_user_priv_slot *
find_same(const struct vhost_user_priv_table *t,
	  const struct vhost_user_priv_slot *s)
{
	const struct vhost_user_priv_slot *o;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		o = &t->slots[i];
		if (o->dev == s->dev && o->ino == s->ino &&
		    o->wire.mmap_offset == s->wire.mmap_offset &&
		    o->wire.size == s->wire.size &&
		    !vmem_block_failed(vmem_region_block(o->region)))
			return o;
	}
	return NULL;
}

/* A file cut short since it was mapped is not good any more. */
static bool still_long_enough(int fd, const struct vhost_user_mem_region *r)
{
	uint64_t size;

	return vsu_fd_size(fd, &size) == 0 &&
	       !vsu_range_exceeds(r->mmap_offset, r->size, size);
}

static int map_block(const struct vhost_user_backend *b, int fd,
		     const struct vhost_user_mem_region *r,
		     struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_fd_desc desc = {
		.fd = fd,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.fd_offset = r->mmap_offset,
		.len = r->size,
		.sigbus = b->config.sigbus,
	};

	return vmem_block_new_fd(&desc, out, err);
}

static int new_region(struct vmem_block *block,
		      const struct vhost_user_mem_region *r,
		      struct vmem_region **out, struct vsu_error *err)
{
	struct vmem_region_desc desc = {
		.block = block,
		.gpa = r->guest_addr,
		.len = r->size,
	};

	return vmem_region_new(&desc, out, err);
}

/* Maps fd for the slot, or takes over what keep has of it. */
static int map_slot(const struct vhost_user_backend *b, int fd,
		    const struct vhost_user_priv_table *keep,
		    struct vhost_user_priv_slot *s, struct vsu_error *err)
{
	const struct vhost_user_priv_slot *same = NULL;
	struct vmem_block *block;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return vsu_error_sys(err, -errno, PLACE ": cannot look at its descriptor",
				     PLACE_ARGS(&s->wire));
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	if (keep && still_long_enough(fd, &s->wire))
		same = find_same(keep, s);
	if (same) {
		block = vmem_block_ref(vmem_region_block(same->region));
	} else {
		rc = map_block(b, fd, &s->wire, &block, err);
		if (rc < 0)
			return vsu_error_prefix(err, rc, PLACE,
						PLACE_ARGS(&s->wire));
	}
	rc = new_region(block, &s->wire, &s->region, err);
	vmem_block_unref(block);
	return rc;
}

/* Checks one more region against t and puts it there, mapped. */
static int table_add(const struct vhost_user_backend *b,
		     struct vhost_user_priv_table *t,
		     const struct vhost_user_mem_region *r, int fd,
		     const struct vhost_user_priv_table *keep,
		     struct vsu_error *err)
{
	struct vhost_user_priv_slot s = { .wire = *r };
	int rc = check_sums(r, err);

	if (rc == 0)
		rc = check_alone(t, r, err);
	if (rc == 0)
		rc = check_total(b, t, r, err);
	if (rc == 0)
		rc = map_slot(b, fd, keep, &s, err);
	if (rc == 0)
		t->slots[t->n++] = s;
	return rc;
}

/* staging */

static int stage_empty(struct vhost_user_backend *b, uint32_t room,
		       struct vsu_error *err)
{
	vhost_user_priv_unstage(b);
	b->staged.slots = calloc(room ? room : 1, sizeof(*b->staged.slots));
	return b->staged.slots ? 0 : vsu_error_sys(err, -ENOMEM,
						   "cannot keep a memory table");
}

/* A copy of the present table, without the slot that is left out. */
static int stage_copy(struct vhost_user_backend *b, uint32_t room,
		      const struct vhost_user_priv_slot *without,
		      struct vsu_error *err)
{
	const struct vhost_user_priv_slot *s;
	int rc = stage_empty(b, room, err);
	uint32_t i;

	if (rc < 0)
		return rc;
	for (i = 0; i < b->table.n; i++) {
		s = &b->table.slots[i];
		if (s == without)
			continue;
		b->staged.slots[b->staged.n] = *s;
		vmem_region_ref(s->region);
		b->staged.n++;
	}
	return 0;
}

static int stage_map(struct vhost_user_backend *b, struct vsu_error *err)
{
	struct vmem_region **regions;
	uint32_t i;
	int rc;

	regions = calloc(b->staged.n ? b->staged.n : 1, sizeof(*regions));
	if (!regions)
		return vsu_error_sys(err, -ENOMEM, "cannot build a memory map");
	for (i = 0; i < b->staged.n; i++)
		regions[i] = b->staged.slots[i].region;
	rc = vmem_map_from_regions(regions, b->staged.n, &b->staged_map, err);
	free(regions);
	return rc;
}

/* messages */

/* A ring whose place changes starts anew there, with nothing in flight. */
static int how_quiet(const struct vhost_user_backend *b)
{
	return vhost_user_priv_any_moves(b) ? VHOST_USER_PRIV_DRAIN :
					      VHOST_USER_PRIV_QUIET;
}

int vhost_user_priv_check_mem_table(struct vhost_user_backend *b,
				    struct vhost_user_priv_msg *msg,
				    struct vsu_error *err)
{
	const struct vhost_user_mem_table *t = &msg->payload.table;
	uint32_t i;
	int rc;

	if (t->nregions == 0)
		return vsu_error_set(err, -EINVAL,
				     "SET_MEM_TABLE has no regions");
	rc = stage_empty(b, t->nregions, err);
	for (i = 0; rc == 0 && i < t->nregions; i++)
		rc = table_add(b, &b->staged, &t->regions[i], msg->fds[i],
			       &b->table, err);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	return rc < 0 ? rc : how_quiet(b);
}

int vhost_user_priv_get_max_mem_slots(struct vhost_user_backend *b,
				      struct vhost_user_priv_msg *msg,
				      struct vsu_error *err)
{
	(void)err;
	msg->payload.u64 = b->config.max_slots;
	msg->hdr.size = sizeof(msg->payload.u64);
	return 0;
}

/* Nothing that a ring uses changes: rings run on and see it at their next use. */
int vhost_user_priv_check_add_mem_reg(struct vhost_user_backend *b,
				      struct vhost_user_priv_msg *msg,
				      struct vsu_error *err)
{
	int rc;

	if (b->table.n >= b->config.max_slots)
		return vsu_error_set(err, -ENOSPC,
				     "ADD_MEM_REG: all %u memory slots are in use",
				     b->config.max_slots);
	rc = stage_copy(b, b->table.n + 1, NULL, err);
	if (rc == 0)
		rc = table_add(b, &b->staged, &msg->payload.region.region,
			       msg->fds[0], NULL, err);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	return rc < 0 ? rc : VHOST_USER_PRIV_GO;
}

/* The offset is not part of what identifies a region: some send 0. */
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

int vhost_user_priv_check_rem_mem_reg(struct vhost_user_backend *b,
				      struct vhost_user_priv_msg *msg,
				      struct vsu_error *err)
{
	const struct vhost_user_mem_region *r = &msg->payload.region.region;
	const struct vhost_user_priv_slot *gone = find_slot(&b->table, r);
	int rc;

	if (!gone)
		return vsu_error_set(err, -ENOENT, PLACE
				     ", user address %#llx: there is none to remove",
				     PLACE_ARGS(r),
				     (unsigned long long)r->user_addr);
	rc = stage_copy(b, b->table.n, gone, err);
	if (rc == 0)
		rc = stage_map(b, err);
	if (rc < 0)
		vhost_user_priv_unstage(b);
	return rc < 0 ? rc : how_quiet(b);
}

int vhost_user_priv_commit_memory(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err)
{
	int rc;

	(void)msg;
	vhost_user_priv_suspend_moving(b);
	rc = vmem_space_publish(b->space, b->staged_map);
	if (rc < 0) {
		vhost_user_priv_unstage(b);
		return vsu_error_sys(err, rc, "cannot publish the memory map");
	}
	table_free(&b->table);
	b->table = b->staged;
	memset(&b->staged, 0, sizeof(b->staged));
	vhost_user_priv_unstage(b);
	vhost_user_priv_refresh_quiet(b);
	vmem_space_reclaim(b->space);
	b->unsettled = true;
	return 0;
}

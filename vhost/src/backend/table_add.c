/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks and maps regions for the tables of a session. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "backend/priv.h"
#include "wire/descriptor.h"
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#define PLACE VHOST_USER_PRIV_PLACE
#define PLACE_ARGS VHOST_USER_PRIV_PLACE_ARGS

void vhost_user_priv_unstage(struct vhost_user_backend *b)
{
	vhost_user_priv_table_free(&b->mem.staged);
	vmem_map_unref(b->mem.staged_map);
	b->mem.staged_map = NULL;
	b->mem.staged_block = vmem_block_unref(b->mem.staged_block);
}

/* checks */

static int check_sums(const struct vhost_user_mem_region *r,
		      struct vsu_error *err)
{
	uint64_t end;

	if (r->size == 0)
		return vsu_error_set(err, -EBADMSG, PLACE ": it is empty",
				     PLACE_ARGS(r));
	if (vsu_u64_add_overflow(r->guest_addr, r->size - 1, &end))
		return vsu_error_set(err, -EBADMSG,
				     PLACE ": guest addresses wrap",
				     PLACE_ARGS(r));
	if (vsu_u64_add_overflow(r->user_addr, r->size - 1, &end))
		return vsu_error_set(err, -EBADMSG,
				     PLACE ": user addresses from %#" PRIx64 " wrap",
				     PLACE_ARGS(r),
				     r->user_addr);
	if (vsu_u64_add_overflow(r->mmap_offset, r->size, &end))
		return vsu_error_set(err, -EBADMSG,
				     PLACE ": offsets from %#" PRIx64 " wrap",
				     PLACE_ARGS(r),
				     r->mmap_offset);
	return 0;
}

/* Two regions must not overlap, neither in guest nor in user addresses. */
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
					     ": overlaps the one at %#" PRIx64,
					     PLACE_ARGS(r), o->guest_addr);
		if (vsu_ranges_overlap(r->user_addr, r->size, o->user_addr,
				       o->size))
			return vsu_error_set(err, -EEXIST, PLACE
					     ": user addresses overlap those from %#" PRIx64,
					     PLACE_ARGS(r), o->user_addr);
	}
	return 0;
}

/* The sum cannot overflow: regions of a table do not overlap. */
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
	vsu_error_set(err, -EBADMSG, PLACE
		      ": %#" PRIx64 " bytes of memory in total, the limit is %#" PRIx64,
		      PLACE_ARGS(r), sum, limit);
	vsu_error_operands(err, 0, sum, limit);
	return -EBADMSG;
}

/* mapping */

/* A read-only descriptor makes the region ROM for devices. */
static bool is_read_only(int fd)
{
	return (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY;
}

/* A reusable mapping of the same range of the same file. */
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

/* The file may have been truncated since it was mapped. */
static bool still_long_enough(const struct vmem_fd_facts *facts,
			      const struct vhost_user_mem_region *r)
{
	return facts->size != UINT64_MAX &&
	       !vsu_range_exceeds(r->mmap_offset, r->size, facts->size);
}

/* On success the block owns *fd. */
static int map_block(const struct vhost_user_backend *b, int *fd,
		     const struct vmem_fd_facts *facts,
		     const struct vhost_user_priv_slot *s,
		     struct vmem_block **out, struct vsu_error *err)
{
	const struct vhost_user_mem_region *r = &s->wire;
	struct vmem_fd_desc desc = {
		.fd = *fd,
		.flags = VMEM_BLOCK_SHARED |
			 (s->read_only ? VMEM_BLOCK_ROM : VMEM_BLOCK_WRITE) |
			 (s->cannot_grow ? VMEM_FD_CANNOT_GROW : 0),
		.fd_offset = r->mmap_offset,
		.len = r->size,
		.sigbus = b->config.sigbus,
		.closer = b->config.closer,
	};
	int rc = vmem_block_new_take_known_fd(&desc, facts, out, err);

	if (!rc)
		*fd = -1;
	return vhost_user_priv_of_peer(rc, err);
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

	return vhost_user_priv_of_peer(vmem_region_new(&desc, out, err), err);
}

/*
 * Seals exist only on memfds and shmem files, which need no further checks
 * (VSU_FOREIGN_SHARED). Read them before the size: with F_SEAL_SHRINK that size
 * is final. The name of the region is formatted only for an error.
 */
static int check_slot_fd(const struct vhost_user_backend *b, int fd,
			 struct vhost_user_priv_slot *s, bool *shared,
			 struct vsu_error *err)
{
	const int seals = fcntl(fd, F_GET_SEALS);
	char place[80];

	*shared = seals >= 0;
	s->cannot_grow = *shared && seals & F_SEAL_GROW;
	s->cannot_shrink = *shared && seals & F_SEAL_SHRINK;
	if (*shared)
		return 0;
	snprintf(place, sizeof(place), PLACE, PLACE_ARGS(&s->wire));
	return vhost_user_priv_check_file(fd, b->config.served_files, place,
					  err);
}

/*
 * Maps writable first, which fails for a read-only descriptor. Only then checks
 * the access mode and retries.
 */
static int map_fresh(const struct vhost_user_backend *b, int *fd,
		     const struct vmem_fd_facts *facts,
		     struct vhost_user_priv_slot *s, struct vmem_block **out,
		     struct vsu_error *err)
{
	int rc = map_block(b, fd, facts, s, out, NULL);

	if (rc == 0)
		return 0;
	s->read_only = is_read_only(*fd);
	rc = map_block(b, fd, facts, s, out, err);
	return rc < 0 ? vsu_error_prefix(err, rc, PLACE, PLACE_ARGS(&s->wire)) :
			0;
}

/* The slot whose mapping is reused, or NULL. */
static const struct vhost_user_priv_slot *
find_kept(const struct vhost_user_priv_table *keep, int fd,
	  const struct vmem_fd_facts *facts, struct vhost_user_priv_slot *s)
{
	const struct vhost_user_priv_slot *same = NULL;

	if (keep && still_long_enough(facts, &s->wire))
		same = find_same(keep, s);
	if (!same)
		return NULL;
	s->read_only = is_read_only(fd);
	return same->read_only == s->read_only ? same : NULL;
}

/*
 * Reuses the region if its addresses are unchanged; else creates another region
 * of the block. Behind an IOMMU always creates one, because a repeated table
 * invalidates all entries.
 */
static int keep_region(const struct vhost_user_backend *b,
		       const struct vhost_user_priv_slot *same,
		       struct vhost_user_priv_slot *s, struct vsu_error *err)
{
	if (vhost_user_priv_translates(b) ||
	    memcmp(&same->wire, &s->wire, sizeof(s->wire)))
		return new_region(vmem_region_block(same->region), &s->wire,
				  &s->region, err);
	s->region = vmem_region_ref(same->region);
	return 0;
}

static int fresh_region(const struct vhost_user_backend *b, int *fd,
			const struct vmem_fd_facts *facts,
			struct vhost_user_priv_slot *s, struct vsu_error *err)
{
	struct vmem_block *block;
	int rc = map_fresh(b, fd, facts, s, &block, err);

	if (rc < 0)
		return rc;
	rc = new_region(block, &s->wire, &s->region, err);
	vmem_block_unref(block);
	return rc;
}

/*
 * Defers the close: the kept mapping holds the memory, so that closing this
 * descriptor frees nothing and is fast.
 */
static void spare_fd(struct vhost_user_priv_table *t, int *fd)
{
	t->spare[t->nspare++] = *fd;
	*fd = -1;
}

/* Reuses the region of same, whose open file arrived again as *fd. */
static int keep_open(const struct vhost_user_backend *b,
		     struct vhost_user_priv_table *t, int *fd,
		     const struct vhost_user_priv_slot *same,
		     struct vhost_user_priv_slot *s, struct vsu_error *err)
{
	*s = *same;
	s->region = NULL;
	spare_fd(t, fd);
	return keep_region(b, same, s, err);
}

/* Maps *fd for the slot and takes it over, or reuses a mapping of keep. */
static int map_slot(const struct vhost_user_backend *b,
		    struct vhost_user_priv_table *t, int *fd,
		    const struct vhost_user_priv_table *keep,
		    struct vhost_user_priv_slot *s, struct vsu_error *err)
{
	const struct vhost_user_priv_slot *same =
		keep ? vhost_user_priv_same_open(t, keep, *fd, s) : NULL;
	struct vmem_fd_facts facts;
	bool shared = false;
	int rc;

	if (same)
		return keep_open(b, t, fd, same, s, err);
	rc = check_slot_fd(b, *fd, s, &shared, err);
	if (rc < 0)
		return rc;
	rc = vmem_fd_look(*fd, &facts);
	if (rc < 0)
		return vsu_error_sys(err, rc, PLACE ": cannot inspect its descriptor",
				     PLACE_ARGS(&s->wire));
	s->dev = facts.dev;
	s->ino = facts.ino;
	same = find_kept(keep, *fd, &facts, s);
	if (!same)
		return fresh_region(b, fd, &facts, s, err);
	if (shared)
		spare_fd(t, fd);
	return keep_region(b, same, s, err);
}

int vhost_user_priv_table_add(const struct vhost_user_backend *b,
			      struct vhost_user_priv_table *t,
			      const struct vhost_user_mem_region *r, int *fd,
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
		rc = map_slot(b, t, fd, keep, &s, err);
	if (rc == 0)
		t->slots[t->n++] = s;
	return rc;
}

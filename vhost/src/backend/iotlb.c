/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices behind an IOMMU. If ACCESS_PLATFORM is negotiated, the space contains
 * the front-end's IOTLB entries over guest memory instead of guest memory
 * itself. Rings translate as usual.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "backend/priv.h"
#include <vm-memory/iotlb.h>
#include <vmm-sys-util/checked.h>

/* Maximum number of entries processed for one message. */
#define TURN_STEPS 65536u
#define KNOWN_PERM (VHOST_USER_IOTLB_READ | VHOST_USER_IOTLB_WRITE)

/* New translations exist: retry the pending misses. */
static void wake_rings(struct vhost_user_backend *b)
{
	enum vhost_user_priv_miss_state state;
	struct vhost_user_priv_ring *ring;
	uint32_t i;

	b->rings_changed = true;
	for (i = 0; i < b->config.nrings; i++) {
		ring = &b->rings[i];
		state = vhost_user_priv_miss_state(&ring->miss);
		if (state == VHOST_USER_PRIV_MISS_DENIED) {
			if (!vhost_user_priv_is_active(ring))
				vhost_user_priv_miss_forget(ring);
		} else if (state != VHOST_USER_PRIV_MISS_IDLE &&
			   vhost_user_priv_miss_is_known(b, ring)) {
			vhost_user_priv_miss_settle(b, i);
		}
	}
}

/* entries */

static int publish_entries(struct vhost_user_backend *b, struct vsu_error *err)
{
	struct vmem_map *map;
	int rc;

	if (!b->mem.translated)
		return 0;
	rc = vmem_iotlb_map(b->mem.iotlb, b->mem.translated, &map, err);
	if (rc < 0)
		return rc;
	rc = vmem_space_publish(b->mem.space, map);
	vmem_map_unref(map);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot publish the IOTLB");
	vhost_user_priv_refresh_quiet(b);
	vmem_space_reclaim(b->mem.space);
	return 0;
}

int vhost_user_priv_iotlb_set_memory(struct vhost_user_backend *b,
				     struct vmem_map *memory, bool grows,
				     struct vsu_error *err)
{
	struct vmem_map *old = b->mem.translated;
	int rc;

	if (!grows)
		vmem_iotlb_invalidate_all(b->mem.iotlb);
	b->mem.translated = memory;
	rc = publish_entries(b, err);
	if (rc < 0) {
		b->mem.translated = old;
		return rc;
	}
	vmem_map_ref(memory);
	vmem_map_unref(old);
	return 0;
}

void vhost_user_priv_iotlb_clear(struct vhost_user_backend *b)
{
	if (!b->mem.iotlb)
		return;
	vmem_iotlb_invalidate_all(b->mem.iotlb);
	vmem_map_unref(b->mem.translated);
	b->mem.translated = NULL;
	b->mem.forgot = false;
}

/* Chains in flight may use an evicted entry: it is valid until invalidated. */
static int entry_set(struct vhost_user_backend *b,
		     const struct vmem_iotlb_entry *e, struct vsu_error *err)
{
	int rc = vmem_iotlb_set(b->mem.iotlb, e, err);

	if (rc != -ENOSPC)
		return rc;
	vmem_iotlb_invalidate_all(b->mem.iotlb);
	b->mem.forgot = true;
	b->mem.evictions++;
	return vmem_iotlb_set(b->mem.iotlb, e, err);
}

/* True if [first, last] and the entry at index overlap. */
static bool entry_overlaps(const struct vmem_iotlb_entry *e, uint64_t first,
			   uint64_t last)
{
	return e->iova <= last && first <= e->iova + (e->len - 1);
}

/* The first entry that ends at or after iova; the count if none does. */
static unsigned int entry_from(const struct vhost_user_backend *b,
			       uint64_t iova)
{
	unsigned int low = 0, high = vmem_iotlb_count(b->mem.iotlb), mid;
	struct vmem_iotlb_entry e;

	while (low < high) {
		mid = low + (high - low) / 2;
		vmem_iotlb_entry_at(b->mem.iotlb, mid, &e);
		if (e.iova + (e.len - 1) < iova)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool has_entries(const struct vhost_user_backend *b, uint64_t first,
			uint64_t last)
{
	struct vmem_iotlb_entry e;

	return vmem_iotlb_entry_at(b->mem.iotlb, entry_from(b, first), &e) &&
	       entry_overlaps(&e, first, last);
}

/* update */

static struct vmem_iotlb_entry piece_at(const struct vhost_user_backend *b,
					const struct vhost_user_iotlb *m,
					uint64_t done)
{
	struct vmem_iotlb_entry e = {
		.iova = m->iova + done,
		.perm = (m->perm & VHOST_USER_IOTLB_READ ? VMEM_READ : 0) |
			(m->perm & VHOST_USER_IOTLB_WRITE ? VMEM_WRITE : 0),
	};

	e.len = vhost_user_priv_table_piece(&b->mem.table, m->user_addr + done,
					    m->size - done, &e.gpa);
	return e;
}

/* True if the entry translates e equally, with no more permissions. */
static bool entry_agrees(const struct vmem_iotlb_entry *is,
			 const struct vmem_iotlb_entry *e)
{
	return is->gpa - is->iova == e->gpa - e->iova &&
	       !(is->perm & ~e->perm);
}

static bool takes_away(const struct vhost_user_backend *b,
		       const struct vmem_iotlb_entry *e)
{
	uint64_t last = e->iova + (e->len - 1);
	unsigned int i = entry_from(b, e->iova);
	struct vmem_iotlb_entry is;

	for (; vmem_iotlb_entry_at(b->mem.iotlb, i, &is) &&
	       entry_overlaps(&is, e->iova, last); i++)
		if (!entry_agrees(&is, e))
			return true;
	return false;
}

/* A range of user addresses may span adjacent regions. */
static int check_pieces(const struct vhost_user_backend *b,
			const struct vhost_user_iotlb *m, struct vsu_error *err)
{
	int quiet = VHOST_USER_PRIV_GO;
	struct vmem_iotlb_entry e;
	uint64_t done;

	for (done = 0; done < m->size; done += e.len) {
		e = piece_at(b, m, done);
		if (!e.len)
			return vsu_error_set(err, -EFAULT,
					     "IOTLB_MSG: user address %#" PRIx64 " is not in a memory region",
					     m->user_addr + done);
		if (takes_away(b, &e))
			quiet = VHOST_USER_PRIV_DRAIN;
	}
	return quiet;
}

static int check_update(const struct vhost_user_backend *b,
			const struct vhost_user_iotlb *m, struct vsu_error *err)
{
	uint64_t last;

	if (!m->size)
		return vsu_error_set(err, -EBADMSG,
				     "IOTLB_MSG: an empty entry at I/O address %#" PRIx64,
				     m->iova);
	if (vsu_u64_add_overflow(m->iova, m->size - 1, &last) ||
	    vsu_u64_add_overflow(m->user_addr, m->size - 1, &last))
		return vsu_error_set(err, -EBADMSG,
				     "IOTLB_MSG: %#" PRIx64 " bytes at I/O address %#" PRIx64 ", user address %#" PRIx64 ", wrap",
				     m->size, m->iova, m->user_addr);
	if (!m->perm || m->perm & ~KNOWN_PERM)
		return vsu_error_set(err, -EBADMSG,
				     "IOTLB_MSG: permission %u of I/O address %#" PRIx64 ", 1 to 3 are allowed",
				     m->perm, m->iova);
	return check_pieces(b, m, err);
}

static int apply_update(struct vhost_user_backend *b,
			const struct vhost_user_iotlb *m, struct vsu_error *err)
{
	struct vmem_iotlb_entry e;
	uint64_t done, steps = 0;
	int rc = 0;

	for (done = 0; rc == 0 && done < m->size; done += e.len) {
		e = piece_at(b, m, done);
		rc = entry_set(b, &e, err);
		steps += vmem_iotlb_count(b->mem.iotlb);
	}
	if (steps > TURN_STEPS)
		b->batch = 0;
	if (rc == 0)
		rc = publish_entries(b, err);
	if (rc == 0)
		wake_rings(b);
	return vhost_user_priv_of_peer(rc, err);
}

/* invalidate */

/* Invalidating too much is harmless: a range that wraps extends to the end. */
static uint64_t last_of(const struct vhost_user_iotlb *m)
{
	uint64_t last;

	if (!m->size || vsu_u64_add_overflow(m->iova, m->size - 1, &last))
		return UINT64_MAX;
	return last;
}

/* An upper bound for the areas of both ring formats. */
static bool ring_overlaps(const struct vhost_user_priv_ring *ring,
			  uint64_t first, uint64_t last)
{
	const uint64_t at[] = { ring->addr.desc, ring->addr.avail,
				ring->addr.used };
	uint64_t len = UINT64_C(16) * ring->size + 16, end;
	unsigned int i;

	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		if (vsu_u64_add_overflow(at[i], len, &end))
			end = UINT64_MAX;
		if (at[i] <= last && first <= end)
			return true;
	}
	return false;
}

static bool is_in_use(const struct vhost_user_backend *b, uint64_t first,
		      uint64_t last)
{
	uint32_t i;

	if (b->mem.forgot || has_entries(b, first, last))
		return true;
	for (i = 0; i < b->config.nrings; i++)
		if (vhost_user_priv_is_active(&b->rings[i]) &&
		    ring_overlaps(&b->rings[i], first, last))
			return true;
	return false;
}

static int check_invalidate(const struct vhost_user_backend *b,
			    const struct vhost_user_iotlb *m,
			    struct vsu_error *err)
{
	if (!m->size && m->iova)
		return vsu_error_set(err, -EBADMSG,
				     "IOTLB_MSG: an empty range to invalidate at I/O address %#" PRIx64,
				     m->iova);
	return is_in_use(b, m->iova, last_of(m)) ? VHOST_USER_PRIV_DRAIN :
						   VHOST_USER_PRIV_GO;
}

/*
 * A ring whose own areas are invalidated restarts when they are mapped again.
 */
static void suspend_rings(struct vhost_user_backend *b, uint64_t first,
			  uint64_t last)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (ring_overlaps(&b->rings[i], first, last))
			vhost_user_priv_ring_suspend(&b->rings[i]);
}

/* Always succeeds: a front-end cannot undo its invalidation after an error. */
static void apply_invalidate(struct vhost_user_backend *b,
			     const struct vhost_user_iotlb *m)
{
	uint64_t first = m->iova, last = last_of(m);

	if (!is_in_use(b, first, last))
		return;
	b->mem.forgot = false;	/* all chains are drained */
	suspend_rings(b, first, last);
	if (first == 0 && last == UINT64_MAX)
		vmem_iotlb_invalidate_all(b->mem.iotlb);
	else if (vmem_iotlb_invalidate(b->mem.iotlb, first, last - first + 1) ==
		 -EINVAL)
		vmem_iotlb_invalidate_all(b->mem.iotlb);
	if (publish_entries(b, &b->why) < 0)
		vhost_user_priv_backend_fail(b);
	b->rings_changed = true;
}

/* the message */

static int check_iotlb(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_iotlb *m = &msg->payload.iotlb;

	switch (m->type) {
	case VHOST_USER_IOTLB_UPDATE:
		return check_update(b, m, err);
	case VHOST_USER_IOTLB_INVALIDATE:
		return check_invalidate(b, m, err);
	default:
		return vsu_error_set(err, -EBADMSG,
				     "IOTLB_MSG of type %u, a front-end sends updates (2) and invalidations (3)",
				     m->type);
	}
}

static int apply_iotlb(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_iotlb *m = &msg->payload.iotlb;

	if (m->type == VHOST_USER_IOTLB_UPDATE)
		return apply_update(b, m, err);
	apply_invalidate(b, m);
	return 0;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_IOTLB_MSG, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_GO,
	  check_iotlb, apply_iotlb, NULL },
};

VHOST_USER_PRIV_HANDLERS(iotlb_handlers, handlers);

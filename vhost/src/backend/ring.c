/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rings: their states, and the effects of memory changes.
 *
 *   started   SET_VRING_KICK was received, GET_VRING_BASE was not
 *   active    its virtqueue is enabled: it was started, and has memory
 *   running   active, started and enabled, and run was called
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "backend/priv.h"
#include <vmm-sys-util/fd.h>

int vhost_user_priv_rings_init(struct vhost_user_backend *b)
{
	struct vhost_user_priv_ring *ring;
	uint32_t i;
	int rc;

	b->rings = calloc(b->config.nrings, sizeof(*b->rings));
	if (!b->rings)
		return -ENOMEM;
	for (i = 0; i < b->config.nrings; i++) {
		ring = &b->rings[i];
		ring->kick = ring->call = ring->err = -1;
	}
	for (i = 0; i < b->config.nrings; i++) {
		rc = vq_new(&b->rings[i].vq);
		if (rc == 0)
			rc = vq_set_space(b->rings[i].vq, b->mem.space);
		if (rc < 0)
			return rc;
	}
	return 0;
}

void vhost_user_priv_rings_fini(struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; b->rings && i < b->config.nrings; i++) {
		vq_free(b->rings[i].vq);
		vsu_fd_close(&b->rings[i].kick);
		vsu_fd_close(&b->rings[i].call);
		vsu_fd_close(&b->rings[i].err);
	}
	free(b->rings);
	b->rings = NULL;
}

bool vhost_user_priv_any_started(const struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (b->rings[i].start != VHOST_USER_PRIV_START_NONE)
			return true;
	return false;
}

bool vhost_user_priv_any_active(const struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (vhost_user_priv_is_active(&b->rings[i]))
			return true;
	return false;
}

void vhost_user_priv_ring_suspend(struct vhost_user_priv_ring *ring)
{
	if (!vhost_user_priv_is_active(ring))
		return;
	ring->base = vq_base(ring->vq);
	vq_disable(ring->vq);
}

/* addresses */

static bool to_gpa(const struct vhost_user_backend *b, uint64_t uaddr,
		   uint64_t *gpa)
{
	*gpa = uaddr;
	return vhost_user_priv_translates(b) ? b->mem.table.n :
	       vhost_user_priv_table_piece(&b->mem.table, uaddr, 1, gpa);
}

int vhost_user_priv_vq_config(const struct vhost_user_backend *b,
			      uint32_t index,
			      const struct vhost_user_vring_addr *addr,
			      uint32_t base, struct vq_config *c,
			      struct vsu_error *err)
{
	*c = (struct vq_config){
		.features = b->features,
		.size = b->rings[index].size,
		.max_chain = b->config.max_chain,
		.base = base,
		.index = index,
	};
	if (to_gpa(b, addr->desc, &c->desc_gpa) &&
	    to_gpa(b, addr->avail, &c->driver_gpa) &&
	    to_gpa(b, addr->used, &c->device_gpa))
		return 0;
	if (!b->mem.table.n)
		return vsu_error_set(err, -EFAULT,
				     "ring %u: the front-end has shared no memory with this device; give its guest memory that can be shared (QEMU: a memory back-end with share=on)",
				     index);
	return vsu_error_set(err, -EFAULT,
			     "ring %u: user address %#" PRIx64 ", %#" PRIx64 " or %#" PRIx64 " is not in a memory region",
			     index, addr->desc, addr->avail, addr->used);
}

/* memory that changes under rings */

static bool is_same_region(const struct vhost_user_backend *b, uint64_t uaddr)
{
	const struct vhost_user_mem_region *old, *new;

	old = vhost_user_priv_table_find(&b->mem.table, uaddr);
	new = vhost_user_priv_table_find(&b->mem.staged, uaddr);
	return old && new && old->guest_addr == new->guest_addr &&
	       old->size == new->size && old->user_addr == new->user_addr;
}

static bool areas_stay(const struct vhost_user_backend *b,
		      const struct vhost_user_priv_ring *ring)
{
	if (vhost_user_priv_translates(b))
		return vhost_user_priv_table_grows(&b->mem.table, &b->mem.staged);
	return is_same_region(b, ring->addr.desc) &&
	       is_same_region(b, ring->addr.used) &&
	       is_same_region(b, ring->addr.avail);
}

/* An active ring keeps its virtqueue only if its regions are unchanged. */
static bool will_move(const struct vhost_user_backend *b,
		      const struct vhost_user_priv_ring *ring)
{
	return vhost_user_priv_is_active(ring) && !areas_stay(b, ring);
}

bool vhost_user_priv_any_moves(const struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (will_move(b, &b->rings[i]))
			return true;
	return false;
}

void vhost_user_priv_suspend_moving(struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (will_move(b, &b->rings[i]))
			vhost_user_priv_ring_suspend(&b->rings[i]);
}

void vhost_user_priv_refresh_quiet(struct vhost_user_backend *b)
{
	struct vhost_user_priv_ring *ring;

	for (ring = b->rings; ring < b->rings + b->config.nrings; ring++)
		if (ring->run != VHOST_USER_PRIV_RUNS && vhost_user_priv_is_active(ring))
			vq_refresh(ring->vq);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rings: what the front-end says about them, and when they may be served.
 *
 *   started   SET_VRING_KICK came, GET_VRING_BASE did not
 *   active    its virtqueue is enabled: started once, with memory
 *   running   active, started and enabled, and the owner was told
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <backend_priv.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

/* Bits 0-14 of either half of a packed ring's base; bit 15 is a wrap counter. */
#define PACKED_INDEX 0x7fffu

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
			rc = vq_set_space(b->rings[i].vq, b->space);
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

static struct vhost_user_priv_ring *
ring_of(struct vhost_user_backend *b, const struct vhost_user_priv_msg *msg)
{
	return &b->rings[msg->payload.state.index];
}

static bool is_active(const struct vhost_user_priv_ring *ring)
{
	return vq_is_enabled(ring->vq);
}

bool vhost_user_priv_any_started(const struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (b->rings[i].started)
			return true;
	return false;
}

bool vhost_user_priv_any_active(const struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (is_active(&b->rings[i]))
			return true;
	return false;
}

static void suspend_vq(struct vhost_user_priv_ring *ring)
{
	if (!is_active(ring))
		return;
	ring->base = vq_base(ring->vq);
	vq_disable(ring->vq);
}

void vhost_user_priv_ring_stop(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];

	suspend_vq(ring);
	ring->started = false;
	vsu_fd_close(&ring->kick);
	if (!vhost_user_priv_any_started(b))
		vhost_user_priv_shmem_cancel(b);
}

/* starting */

static bool to_gpa(const struct vhost_user_backend *b, uint64_t uaddr,
		   uint64_t *gpa)
{
	const struct vhost_user_mem_region *r =
		vhost_user_priv_table_find(&b->table, uaddr);

	if (!r)
		return false;
	*gpa = r->guest_addr + (uaddr - r->user_addr);
	return true;
}

/* How the ring looks to a virtqueue, its addresses translated. */
static int vq_config_of(const struct vhost_user_backend *b, uint32_t index,
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
	return vsu_error_set(err, -EFAULT,
			     "ring %u: user address %#llx, %#llx or %#llx lies in no memory region",
			     index, (unsigned long long)addr->desc,
			     (unsigned long long)addr->avail,
			     (unsigned long long)addr->used);
}

/* A ring whose memory is not there, or is wrong, stays idle. */
static void try_start(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];
	struct vq_config c;

	if (!is_active(ring) &&
	    (vq_config_of(b, index, &ring->addr, ring->base, &c, NULL) < 0 ||
	     vq_enable(ring->vq, &c, NULL) < 0))
		return;
	ring->error_told = false;
	ring->running = ring->undrained = true;
	b->ops.run(b->opaque, index);
}

void vhost_user_priv_settle(struct vhost_user_backend *b)
{
	struct vhost_user_priv_ring *ring;
	uint32_t i;

	if (!b->unsettled)
		return;
	b->unsettled = false;
	for (i = 0; i < b->config.nrings && !b->ending; i++) {
		ring = &b->rings[i];
		if (!ring->running && ring->started && ring->enabled &&
		    ring->have_addr && b->features_set)
			try_start(b, i);
	}
	vhost_user_priv_requests_pump(b);
}

/* memory that changes under rings */

static bool same_place(const struct vhost_user_backend *b, uint64_t uaddr)
{
	const struct vhost_user_mem_region *old, *new;

	old = vhost_user_priv_table_find(&b->table, uaddr);
	new = vhost_user_priv_table_find(&b->staged, uaddr);
	return old && new && old->guest_addr == new->guest_addr &&
	       old->size == new->size && old->user_addr == new->user_addr;
}

/* An active ring keeps its virtqueue only where its regions stay. */
static bool will_move(const struct vhost_user_backend *b,
		      const struct vhost_user_priv_ring *ring)
{
	return is_active(ring) && !(same_place(b, ring->addr.desc) &&
				    same_place(b, ring->addr.used) &&
				    same_place(b, ring->addr.avail));
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
			suspend_vq(&b->rings[i]);
}

void vhost_user_priv_refresh_quiet(struct vhost_user_backend *b)
{
	struct vhost_user_priv_ring *ring;

	for (ring = b->rings; ring < b->rings + b->config.nrings; ring++)
		if (!ring->running && is_active(ring))
			vq_refresh(ring->vq);
}

/* messages */

static int must_be_stopped(const struct vhost_user_backend *b,
			   const struct vhost_user_priv_msg *msg,
			   struct vsu_error *err)
{
	uint32_t index = msg->payload.state.index;

	if (!is_active(&b->rings[index]))
		return 0;
	return vsu_error_set(err, -EPROTO, "%s of ring %u while it is started",
			     vhost_user_priv_message_name(VHOST_USER_PRIV_FRONTEND,
							  msg->hdr.request),
			     index);
}

static bool is_packed(const struct vhost_user_backend *b)
{
	uint64_t features = b->features_set ? b->features : b->offered;

	return features & VHOST_USER_F_RING_PACKED;
}

int vhost_user_priv_check_vring_num(struct vhost_user_backend *b,
				    struct vhost_user_priv_msg *msg,
				    struct vsu_error *err)
{
	uint32_t num = msg->payload.state.num;

	if (num == 0 || num > b->config.queue_max) {
		vsu_error_set(err, -EINVAL,
			      "SET_VRING_NUM of ring %u to %u, 1 to %u are allowed",
			      msg->payload.state.index, num,
			      b->config.queue_max);
		vsu_error_operands(err, 0, VHOST_USER_SET_VRING_NUM, num,
				   b->config.queue_max);
		return -EINVAL;
	}
	if (!is_packed(b) && !vsu_is_power_of_two(num))
		return vsu_error_set(err, -EINVAL,
				     "SET_VRING_NUM of ring %u to %u, which is no power of two",
				     msg->payload.state.index, num);
	return must_be_stopped(b, msg, err);
}

int vhost_user_priv_set_vring_num(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err)
{
	(void)err;
	ring_of(b, msg)->size = msg->payload.state.num;
	b->unsettled = true;
	return 0;
}

static int must_be_same(const struct vhost_user_vring_addr *is,
			const struct vhost_user_vring_addr *want,
			struct vsu_error *err)
{
	if (is->desc == want->desc && is->used == want->used &&
	    is->avail == want->avail)
		return VHOST_USER_PRIV_GO;
	return vsu_error_set(err, -EPROTO,
			     "SET_VRING_ADDR moves ring %u while it is started",
			     want->index);
}

/*
 * Whether a virtqueue could be made of these addresses: it is the one that
 * knows how long its areas are. Before the features are agreed the format is
 * not known, and the start decides.
 */
static int try_addr(const struct vhost_user_backend *b,
		    const struct vhost_user_vring_addr *addr,
		    struct vsu_error *err)
{
	struct vq_config c;
	int rc = vq_config_of(b, addr->index, addr, 0, &c, err);

	if (rc < 0 || !b->features_set)
		return rc;
	return vq_check(b->rings[addr->index].vq, &c, err);
}

int vhost_user_priv_check_vring_addr(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err)
{
	const struct vhost_user_vring_addr *addr = &msg->payload.addr;
	const struct vhost_user_priv_ring *ring = &b->rings[addr->index];

	if (addr->flags & ~VHOST_USER_VRING_F_LOG)
		return vsu_error_set(err, -EINVAL,
				     "SET_VRING_ADDR of ring %u has unknown flags %#x",
				     addr->index, addr->flags);
	if (is_active(ring))
		return must_be_same(&ring->addr, addr, err);
	if (!ring->size)
		return vsu_error_set(err, -EPROTO,
				     "SET_VRING_ADDR of ring %u came before SET_VRING_NUM",
				     addr->index);
	return try_addr(b, addr, err);
}

int vhost_user_priv_set_vring_addr(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = ring_of(b, msg);

	(void)err;
	ring->addr = msg->payload.addr;
	ring->have_addr = true;
	b->unsettled = true;
	return 0;
}

/* The word of a split ring has 16 bits; a packed ring's has two positions. */
static bool base_fits(const struct vhost_user_backend *b, uint32_t size,
		      uint32_t base)
{
	if (!is_packed(b))
		return base <= UINT16_MAX;
	return !size || ((base & PACKED_INDEX) < size &&
			 (base >> 16 & PACKED_INDEX) < size);
}

int vhost_user_priv_check_vring_base(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err)
{
	const struct vhost_user_vring_state *s = &msg->payload.state;

	if (!base_fits(b, b->rings[s->index].size, s->num))
		return vsu_error_set(err, -EINVAL,
				     "SET_VRING_BASE of ring %u to %#x, which its format cannot have",
				     s->index, s->num);
	return must_be_stopped(b, msg, err);
}

int vhost_user_priv_set_vring_base(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err)
{
	(void)err;
	ring_of(b, msg)->base = msg->payload.state.num;
	return 0;
}

int vhost_user_priv_get_vring_base(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = ring_of(b, msg);

	(void)err;
	vhost_user_priv_ring_stop(b, msg->payload.state.index);
	vsu_fd_close(&ring->call);
	msg->payload.state.num = ring->base;
	msg->hdr.size = sizeof(msg->payload.state);
	return 0;
}

int vhost_user_priv_check_vring_enable(struct vhost_user_backend *b,
				       struct vhost_user_priv_msg *msg,
				       struct vsu_error *err)
{
	(void)b;
	if (msg->payload.state.num > 1)
		return vsu_error_set(err, -EINVAL,
				     "SET_VRING_ENABLE of ring %u to %u, 0 and 1 are known",
				     msg->payload.state.index,
				     msg->payload.state.num);
	return msg->payload.state.num ? VHOST_USER_PRIV_GO :
					VHOST_USER_PRIV_DRAIN;
}

int vhost_user_priv_set_vring_enable(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err)
{
	(void)err;
	ring_of(b, msg)->enabled = msg->payload.state.num;
	b->unsettled = true;
	return 0;
}

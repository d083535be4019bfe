/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages that configure a ring: size, addresses, base, enable. */
#include <config.h>

#include <errno.h>

#include "backend/priv.h"
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

/* Bits 0-14 of each half of a packed ring's base; bit 15 is a wrap counter. */
#define PACKED_INDEX 0x7fffu

static int must_be_stopped(const struct vhost_user_backend *b,
			   const struct vhost_user_priv_msg *msg,
			   struct vsu_error *err)
{
	uint32_t index = msg->payload.state.index;

	if (!vhost_user_priv_is_active(&b->rings[index]))
		return 0;
	return vsu_error_set(err, -EPROTO, "%s of ring %u while it is started",
			     vhost_user_message_name(VHOST_USER_SIDE_FRONTEND,
							  msg->hdr.request),
			     index);
}

static bool is_packed(const struct vhost_user_backend *b)
{
	uint64_t features = vhost_user_priv_has_features(b) ? b->features : b->offered;

	return features & VHOST_USER_F_RING_PACKED;
}

static int check_num(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	uint32_t num = msg->payload.state.num;

	if (num == 0 || num > b->config.queue_size_max) {
		vsu_error_set(err, -EBADMSG,
			      "SET_VRING_NUM of ring %u to %u, 1 to %u are allowed",
			      msg->payload.state.index, num,
			      b->config.queue_size_max);
		vsu_error_operands(err, VHOST_USER_SET_VRING_NUM, num,
				   b->config.queue_size_max);
		return -EBADMSG;
	}
	if (!is_packed(b) && !vsu_is_power_of_two(num))
		return vsu_error_set(err, -EBADMSG,
				     "SET_VRING_NUM of ring %u to %u, which is not a power of two",
				     msg->payload.state.index, num);
	return must_be_stopped(b, msg, err);
}

static int set_num(struct vhost_user_backend *b,
		   struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = vhost_user_priv_ring_of(b, msg);

	(void)err;
	ring->size = msg->payload.state.num;
	ring->refused &= (uint8_t)~VHOST_USER_PRIV_SET_NUM;
	b->rings_changed = true;
	return 0;
}

static bool is_same_place(const struct vhost_user_vring_addr *is,
			  const struct vhost_user_vring_addr *want)
{
	return is->desc == want->desc && is->used == want->used &&
	       is->avail == want->avail;
}

static bool is_same_addr(const struct vhost_user_vring_addr *is,
			 const struct vhost_user_vring_addr *want)
{
	return is_same_place(is, want) && is->flags == want->flags &&
	       is->log_guest_addr == want->log_guest_addr;
}

/*
 * Only the flag may change on a running ring: it switches logging of the ring
 * itself.
 */
static int check_running_addr(const struct vhost_user_vring_addr *is,
			      const struct vhost_user_vring_addr *want,
			      struct vsu_error *err)
{
	if (is_same_place(is, want))
		return is_same_addr(is, want) ? VHOST_USER_PRIV_GO :
						VHOST_USER_PRIV_QUIET;
	return vsu_error_set(err, -EPROTO,
			     "SET_VRING_ADDR moves ring %u while it is started",
			     want->index);
}

/*
 * Checks whether a virtqueue could use these addresses; the virtqueue knows the
 * lengths of its areas. Before features are negotiated the format is unknown,
 * and the start decides.
 */
static int try_addr(const struct vhost_user_backend *b,
		    const struct vhost_user_vring_addr *addr,
		    struct vsu_error *err)
{
	struct vq_config c;
	int rc = vhost_user_priv_vq_config(b, addr->index, addr, 0, &c, err);

	if (rc < 0 || !vhost_user_priv_has_features(b))
		return rc;
	rc = vq_check(b->rings[addr->index].vq, &c, err);
	/* an unmapped I/O address becomes a miss when the ring starts */
	return rc == -EAGAIN ? 0 : vhost_user_priv_of_peer(rc, err);
}

static int check_addr(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_vring_addr *addr = &msg->payload.addr;
	const struct vhost_user_priv_ring *ring = &b->rings[addr->index];

	if (addr->flags & ~VHOST_USER_VRING_F_LOG)
		return vsu_error_set(err, -EBADMSG,
				     "SET_VRING_ADDR of ring %u has unknown flags %#x",
				     addr->index, addr->flags);
	if (vhost_user_priv_is_active(ring))
		return check_running_addr(&ring->addr, addr, err);
	if (!ring->size)
		return vsu_error_set(err, -EPROTO,
				     "SET_VRING_ADDR of ring %u: its size is unknown, because SET_VRING_NUM was not sent or was refused",
				     addr->index);
	return try_addr(b, addr, err);
}

static int set_addr(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = vhost_user_priv_ring_of(b, msg);

	(void)err;
	ring->refused &= (uint8_t)~VHOST_USER_PRIV_SET_ADDR;
	b->rings_changed = true;
	/* the ring may be running, and nothing changes */
	if (vhost_user_priv_is_active(ring) &&
	    is_same_addr(&ring->addr, &msg->payload.addr))
		return 0;
	if (!vhost_user_priv_is_active(ring))
		vhost_user_priv_miss_forget(ring);
	ring->addr = msg->payload.addr;
	ring->have_addr = true;
	vq_set_ring_log(ring->vq, ring->addr.flags & VHOST_USER_VRING_F_LOG,
			ring->addr.log_guest_addr);
	return 0;
}

/* A split ring's base has 16 bits; a packed ring's contains two positions. */
static bool base_fits(const struct vhost_user_backend *b, uint32_t size,
		      uint32_t base)
{
	if (!is_packed(b))
		return base <= UINT16_MAX;
	return !size || ((base & PACKED_INDEX) < size &&
			 (base >> 16 & PACKED_INDEX) < size);
}

static int check_base(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_vring_state *s = &msg->payload.state;

	if (!base_fits(b, b->rings[s->index].size, s->num))
		return vsu_error_set(err, -EBADMSG,
				     "SET_VRING_BASE of ring %u to %#x, which is not valid in its format",
				     s->index, s->num);
	return must_be_stopped(b, msg, err);
}

static int set_base(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = vhost_user_priv_ring_of(b, msg);

	(void)err;
	ring->base = msg->payload.state.num;
	ring->reset_base = 0;
	if (vhost_user_priv_has_features(b) && is_packed(b))
		ring->base = vhost_user_priv_packed_base(ring->base);
	ring->refused &= (uint8_t)~VHOST_USER_PRIV_SET_BASE;
	b->rings_changed = true;
	return 0;
}

static int get_base(struct vhost_user_backend *b,
		    struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = vhost_user_priv_ring_of(b, msg);

	(void)err;
	vhost_user_priv_ring_stop(b, msg->payload.state.index);
	vsu_fd_close(&ring->call);
	msg->payload.state.num = ring->base ? ring->base : ring->reset_base;
	msg->hdr.size = sizeof(msg->payload.state);
	return 0;
}

/* Without an in-flight area, popped chains cannot be left behind. */
static int check_skip_drain(struct vhost_user_backend *b,
			    struct vhost_user_priv_msg *msg,
			    struct vsu_error *err)
{
	(void)err;
	return b->inflight.block && msg->payload.state.index < b->inflight.rings ?
	       VHOST_USER_PRIV_QUIET : VHOST_USER_PRIV_DRAIN;
}

/* Chains in flight stay marked in the area of the disabled queue. */
static int get_base_undrained(struct vhost_user_backend *b,
			      struct vhost_user_priv_msg *msg,
			      struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = vhost_user_priv_ring_of(b, msg);
	int rc = get_base(b, msg, err);

	if (ring->run != VHOST_USER_PRIV_DRAINED)
		b->ops.park(b->opaque, msg->payload.state.index);
	ring->run = VHOST_USER_PRIV_DRAINED;
	return rc;
}

static int check_enable(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)b;
	if (msg->payload.state.num > 1)
		return vsu_error_set(err, -EBADMSG,
				     "SET_VRING_ENABLE of ring %u to %u, 0 and 1 are allowed",
				     msg->payload.state.index,
				     msg->payload.state.num);
	return msg->payload.state.num ? VHOST_USER_PRIV_GO :
					VHOST_USER_PRIV_DRAIN;
}

static int set_enable(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	vhost_user_priv_ring_of(b, msg)->enabled = msg->payload.state.num;
	b->rings_changed = true;
	return 0;
}

/*
 * A front-end without acknowledgements continues as if the setting had been
 * accepted. The ring must not start with the previous setting.
 */
static void forget_refused(struct vhost_user_backend *b, uint32_t index,
			   uint32_t request)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];

	if (vhost_user_priv_is_active(ring))
		return;
	switch (request) {
	case VHOST_USER_SET_VRING_NUM:
		ring->refused |= VHOST_USER_PRIV_SET_NUM;
		ring->size = 0;
		break;
	case VHOST_USER_SET_VRING_BASE:
		ring->refused |= VHOST_USER_PRIV_SET_BASE;
		break;
	case VHOST_USER_SET_VRING_ADDR:
		ring->refused |= VHOST_USER_PRIV_SET_ADDR;
		break;
	}
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_SET_VRING_NUM, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_num, set_num, forget_refused },
	{ VHOST_USER_SET_VRING_ADDR, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_addr, set_addr, forget_refused },
	{ VHOST_USER_SET_VRING_BASE, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_base, set_base, forget_refused },
	{ VHOST_USER_GET_VRING_BASE, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_DRAIN,
	  NULL, get_base, NULL },
	{ VHOST_USER_GET_VRING_BASE_SKIP_DRAIN, VHOST_USER_PRIV_ONE_RING,
	  VHOST_USER_PRIV_GO, check_skip_drain, get_base_undrained, NULL },
	{ VHOST_USER_SET_VRING_ENABLE, VHOST_USER_PRIV_ONE_RING, VHOST_USER_PRIV_GO,
	  check_enable, set_enable, NULL },
};

VHOST_USER_PRIV_HANDLERS(vring_handlers, handlers);

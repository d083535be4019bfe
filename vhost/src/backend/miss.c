/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * IOTLB misses: I/O addresses that rings cannot translate. A ring has one miss
 * at a time:
 *
 *   IDLE    no miss
 *   WANTED  the ring's thread has recorded a miss for the session (miss_send.c)
 *   SENT    the front-end has received it; an update makes the ring retry
 *   DENIED  the front-end refused; the ring's thread fails the chain
 *
 * The miss belongs to the ring's thread while IDLE or DENIED, else to the
 * session's thread. A quiesced ring has no thread.
 */
#include <config.h>

#include <errno.h>

#include "backend/priv.h"
#include <vhost/backend_device.h>
#include <vmm-sys-util/event.h>

static void note_question(struct vhost_user_backend *b,
			  struct vhost_user_priv_ring *ring)
{
	vq_missed(ring->vq, &ring->miss.range);
	ring->miss.chains = vq_counter(ring->vq, VQ_COUNT_CHAINS);
	vhost_user_priv_set_miss(&ring->miss, VHOST_USER_PRIV_MISS_WANTED);
	__atomic_store_n(&b->mem.missed, true, __ATOMIC_RELEASE);
}

int vhost_user_backend_missed(struct vhost_user_backend *b, uint32_t ring)
{
	struct vhost_user_priv_ring *r = &b->rings[ring];
	enum vhost_user_priv_miss_state state =
		vhost_user_priv_miss_state(&r->miss);
	struct vq_miss now;

	vq_missed(r->vq, &now);
	if (state == VHOST_USER_PRIV_MISS_DENIED) {
		vhost_user_priv_set_miss(&r->miss, VHOST_USER_PRIV_MISS_IDLE);
		/*
		 * unless an update arrived after all and the chain was popped
		 */
		if (r->miss.range.gpa == now.gpa &&
		    r->miss.chains == vq_counter(r->vq, VQ_COUNT_CHAINS)) {
			vq_deny_missed(r->vq);
			return 1;
		}
		state = VHOST_USER_PRIV_MISS_IDLE;
	}
	if (state == VHOST_USER_PRIV_MISS_IDLE) {
		note_question(b, r);
		vsu_event_signal(b->wait.event);
	}
	return 0;
}

bool vhost_user_priv_miss_want(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];
	enum vhost_user_priv_miss_state state =
		vhost_user_priv_miss_state(&ring->miss);

	if (state == VHOST_USER_PRIV_MISS_IDLE)
		note_question(b, ring);
	return state != VHOST_USER_PRIV_MISS_DENIED;
}

void vhost_user_priv_miss_forget(struct vhost_user_priv_ring *ring)
{
	ring->miss.number++;
	ring->miss.unasked_reported = false;
	vhost_user_priv_set_miss(&ring->miss, VHOST_USER_PRIV_MISS_IDLE);
}

bool vhost_user_priv_miss_is_known(const struct vhost_user_backend *b,
				   const struct vhost_user_priv_ring *ring)
{
	const struct vmem_map *map = vmem_space_current(b->mem.space);
	const struct vmem_view *view = map ? vmem_map_view(map) : NULL;

	return view && vmem_view_find(view, ring->miss.range.gpa) != view->n;
}

/* Not while the ring is being quiesced: it runs afterwards anyway. */
static void notify_run(struct vhost_user_backend *b, uint32_t index)
{
	bool asked = vhost_user_priv_is_asking(b) &&
		     (b->parked.ring == VHOST_USER_ALL_RINGS ||
		      b->parked.ring == index);

	b->rings_changed = true;
	if (b->rings[index].run == VHOST_USER_PRIV_RUNS && !asked)
		b->ops.run(b->opaque, index);
}

void vhost_user_priv_miss_settle(struct vhost_user_backend *b, uint32_t index)
{
	vhost_user_priv_miss_forget(&b->rings[index]);
	notify_run(b, index);
}

void vhost_user_priv_miss_deny(struct vhost_user_backend *b, uint32_t index)
{
	vhost_user_priv_set_miss(&b->rings[index].miss,
				 VHOST_USER_PRIV_MISS_DENIED);
	notify_run(b, index);
}

/*
 * Success means that the update has arrived or will arrive. If the channel was
 * closed, the miss is sent again on the next channel.
 */
void vhost_user_priv_miss_answered(struct vhost_user_backend *b,
				   uint64_t cookie, int result, int fd)
{
	uint32_t index = (uint32_t)cookie;
	struct vhost_user_priv_miss *m = &b->rings[index].miss;

	(void)fd;
	if (vhost_user_priv_miss_state(m) != VHOST_USER_PRIV_MISS_SENT ||
	    m->number != cookie >> 32 || result == 0)
		return;
	if (result != -ECANCELED) {
		vhost_user_priv_miss_deny(b, index);
		return;
	}
	vhost_user_priv_set_miss(m, VHOST_USER_PRIV_MISS_WANTED);
	__atomic_store_n(&b->mem.missed, true, __ATOMIC_RELEASE);
}

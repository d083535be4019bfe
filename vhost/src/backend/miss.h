/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* IOTLB misses of rings, and their outcome. */
#ifndef VHOST_USER_PRIV_MISS_H
#define VHOST_USER_PRIV_MISS_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/queue.h>

struct vhost_user_backend;
struct vhost_user_priv_ring;

enum vhost_user_priv_miss_state {
	VHOST_USER_PRIV_MISS_IDLE,
	VHOST_USER_PRIV_MISS_WANTED,
	VHOST_USER_PRIV_MISS_SENT,
	VHOST_USER_PRIV_MISS_DENIED,
};

/* An I/O address that a ring cannot translate, see miss.c. */
struct vhost_user_priv_miss {
	enum vhost_user_priv_miss_state state;	/* atomic */
	struct vq_miss range;
	uint64_t chains;	/* chains that the ring had popped at the miss */
	uint64_t progress;	/* the same when evictions was stored */
	uint32_t evictions;
	bool counting;		/* progress and evictions are valid */
	bool unasked_reported;		/* the missing channel was reported to the owner */
	uint32_t number;	/* identifies the reply */
};

static inline enum vhost_user_priv_miss_state
vhost_user_priv_miss_state(const struct vhost_user_priv_miss *m)
{
	return __atomic_load_n(&m->state, __ATOMIC_ACQUIRE);
}

static inline void
vhost_user_priv_set_miss(struct vhost_user_priv_miss *m,
			 enum vhost_user_priv_miss_state state)
{
	__atomic_store_n(&m->state, state, __ATOMIC_RELEASE);
}

/* miss.c */
/* Records the miss of a ring that cannot be enabled yet; false: denied. */
bool vhost_user_priv_miss_want(struct vhost_user_backend *b, uint32_t index);
/* Drops the ring's miss. */
void vhost_user_priv_miss_forget(struct vhost_user_priv_ring *ring);
/* Drops it because a translation may exist now; the ring retries. */
void vhost_user_priv_miss_settle(struct vhost_user_backend *b, uint32_t index);
void vhost_user_priv_miss_deny(struct vhost_user_backend *b, uint32_t index);
bool vhost_user_priv_miss_is_known(const struct vhost_user_backend *b,
				   const struct vhost_user_priv_ring *ring);
/* The front-end's reply to the miss with this cookie; fd is unused. */
void vhost_user_priv_miss_answered(struct vhost_user_backend *b,
				   uint64_t cookie, int result, int fd);

/* miss_send.c */
/* Sends recorded misses, as far as the channel accepts them. */
void vhost_user_priv_miss_pump(struct vhost_user_backend *b);

#endif

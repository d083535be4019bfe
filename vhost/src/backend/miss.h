/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Questions of rings behind an IOMMU: what they miss, and what came of it. */
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

/* An I/O address that a ring does not know, see miss.c. */
struct vhost_user_priv_miss {
	enum vhost_user_priv_miss_state state;	/* atomic */
	struct vq_miss range;
	uint64_t chains;	/* taken by the ring when it asked */
	uint64_t progress;	/* the same, when evictions was noted */
	uint32_t evictions;
	bool counting;		/* these two are valid */
	bool told;		/* the owner knows that nobody can be asked */
	uint32_t number;	/* of the question, to know its answer by */
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
/* A ring that cannot be enabled yet wants what it missed; false: denied. */
bool vhost_user_priv_miss_want(struct vhost_user_backend *b, uint32_t index);
/* The ring has no question any more. */
void vhost_user_priv_miss_forget(struct vhost_user_priv_ring *ring);
/* ... because there is an answer: it looks again. */
void vhost_user_priv_miss_settle(struct vhost_user_backend *b, uint32_t index);
void vhost_user_priv_miss_deny(struct vhost_user_backend *b, uint32_t index);
bool vhost_user_priv_miss_is_known(const struct vhost_user_backend *b,
				   const struct vhost_user_priv_ring *ring);
/* The front-end's answer to the question with this cookie; no descriptor. */
void vhost_user_priv_miss_answered(struct vhost_user_backend *b,
				   uint64_t cookie, int result, int fd);

/* miss_send.c */
/* Sends the questions of rings, as far as the channel takes them. */
void vhost_user_priv_miss_pump(struct vhost_user_backend *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests to the owner to quiesce rings, and its answers, which may come from
 * another thread. One request is open at a time.
 */
#include <config.h>

#include <pthread.h>

#include "backend/priv.h"
#include <vhost/backend_device.h>
#include <vmm-sys-util/event.h>

/* The highest state of a ring that was quiesced. */
static enum vhost_user_priv_run run_after(bool drain)
{
	return drain ? VHOST_USER_PRIV_DRAINED : VHOST_USER_PRIV_QUIESCED;
}

static bool ring_must_be_asked(const struct vhost_user_priv_ring *ring,
			       bool drain)
{
	return ring->run > run_after(drain) || ring->kept_kick;
}

bool vhost_user_priv_must_ask(const struct vhost_user_backend *b, uint32_t ring,
			      bool drain)
{
	uint32_t i;

	if (ring != VHOST_USER_ALL_RINGS)
		return ring_must_be_asked(&b->rings[ring], drain);
	for (i = 0; i < b->config.nrings; i++)
		if (ring_must_be_asked(&b->rings[i], drain))
			return true;
	return false;
}

/* The owner must keep kicks again for each request. */
static void withdraw_kicks(struct vhost_user_backend *b, uint32_t ring)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		if (ring == i || ring == VHOST_USER_ALL_RINGS)
			b->rings[i].kept_kick = false;
}

bool vhost_user_priv_ask(struct vhost_user_backend *b, uint32_t ring,
			 int quiet)
{
	struct vhost_user_priv_answer *a = &b->parked.answer;

	b->parked.ring = ring;
	b->parked.drain = quiet == VHOST_USER_PRIV_DRAIN;
	if (quiet != VHOST_USER_PRIV_ASK_STATE)
		withdraw_kicks(b, ring);
	a->asker = pthread_self();
	__atomic_store_n(&a->token, ++b->parked.tokens, __ATOMIC_RELAXED);
	__atomic_store_n(&a->state, VHOST_USER_PRIV_ASKED, __ATOMIC_RELEASE);
	a->asking = true;
	if (quiet == VHOST_USER_PRIV_ASK_STATE)
		b->ops.check_state(b->opaque, b->parked.tokens);
	else
		b->ops.quiesce(b->opaque, ring, b->parked.drain, b->parked.tokens);
	a->asking = false;
	if (!vhost_user_priv_accept_answer(b))
		return false;
	if (a->unsignalled)
		return true;
	/* consume the signal of an answer that another thread gave meanwhile */
	vsu_event_drain(b->wait.event, NULL);
	b->wait.more = false;
	return true;
}

/* The end of the session has no message, and drains. */
static bool asks_for_memory(const struct vhost_user_backend *b)
{
	return b->parked.answer.asking && !b->parked.drain && b->parked.row &&
	       (b->parked.row->number == VHOST_USER_SET_MEM_TABLE ||
		b->parked.row->number == VHOST_USER_REM_MEM_REG);
}

bool vhost_user_backend_keep_kick(struct vhost_user_backend *b, uint32_t ring)
{
	struct vhost_user_priv_ring *r;

	if (ring >= b->config.nrings || !asks_for_memory(b))
		return false;
	r = &b->rings[ring];
	r->kept_kick = r->kick >= 0;
	return r->kept_kick;
}

/*
 * True on the session's own thread, which checks the answer after the callback.
 */
static bool is_inside_question(const struct vhost_user_priv_answer *a)
{
	return pthread_equal(a->asker, pthread_self()) && a->asking;
}

/*
 * The store of ANSWERED is this thread's last access to the session. It pairs
 * with the acquire in vhost_user_priv_accept_answer(): afterwards the session's
 * thread may free the session. Hence the eventfd is signalled before. A
 * dispatch that wakes up before the store signals the eventfd again.
 */
static void set_answer(struct vhost_user_backend *b, uint64_t token,
			int result)
{
	struct vhost_user_priv_answer *a = &b->parked.answer;
	uint32_t asked = VHOST_USER_PRIV_ASKED;

	if (__atomic_load_n(&a->token, __ATOMIC_RELAXED) != token ||
	    !__atomic_compare_exchange_n(&a->state, &asked,
					 VHOST_USER_PRIV_ANSWERING, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	a->result = result;
	a->unsignalled = is_inside_question(a);
	if (!a->unsignalled)
		vsu_event_signal(b->wait.event);
	__atomic_store_n(&a->state, VHOST_USER_PRIV_ANSWERED, __ATOMIC_RELEASE);
}

void vhost_user_backend_done(struct vhost_user_backend *b, uint64_t token)
{
	set_answer(b, token, 0);
}

void vhost_user_backend_state_done(struct vhost_user_backend *b,
				   uint64_t token, int result)
{
	set_answer(b, token, result);
}

bool vhost_user_priv_is_asking(const struct vhost_user_backend *b)
{
	return __atomic_load_n(&b->parked.answer.state, __ATOMIC_RELAXED) !=
	       VHOST_USER_PRIV_NOT_ASKED;
}

bool vhost_user_priv_is_answering(const struct vhost_user_backend *b)
{
	return __atomic_load_n(&b->parked.answer.state, __ATOMIC_RELAXED) ==
	       VHOST_USER_PRIV_ANSWERING;
}

static void now_quiet(struct vhost_user_priv_ring *ring, bool drained)
{
	if (ring->run > run_after(drained))
		ring->run = run_after(drained);
}

bool vhost_user_priv_accept_answer(struct vhost_user_backend *b)
{
	uint32_t i;

	if (__atomic_load_n(&b->parked.answer.state, __ATOMIC_ACQUIRE) !=
	    VHOST_USER_PRIV_ANSWERED)
		return false;
	__atomic_store_n(&b->parked.answer.state, VHOST_USER_PRIV_NOT_ASKED,
			 __ATOMIC_RELAXED);
	b->rings_changed = true;
	if (b->parked.ring != VHOST_USER_ALL_RINGS) {
		now_quiet(&b->rings[b->parked.ring], b->parked.drain);
		return true;
	}
	for (i = 0; i < b->config.nrings; i++)
		now_quiet(&b->rings[i], b->parked.drain);
	return true;
}

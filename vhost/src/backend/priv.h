/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end session, as its own files see it.
 *
 *   message   checked in message.c against the message table, then given to
 *             its handler
 *   handler   a row at the end of the file that the message is about: judges
 *             in check, takes effect in apply; between the two, rings are left
 *             alone by their threads where check asked for it
 *   parked    the message between check and apply while an answer is awaited
 *   staged    memory that is mapped and waits for apply to be published
 *
 * Threads: confined, but for struct vhost_user_priv_answer and
 * struct vhost_user_priv_posts.
 */
#ifndef VHOST_USER_PRIV_BACKEND_H
#define VHOST_USER_PRIV_BACKEND_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/handler.h"
#include "backend/iotlb.h"
#include "backend/miss.h"
#include "backend/table.h"
#include "wire/framing.h"
#include <vhost/backend.h>
#include <vhost/shmem.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

struct vhost_user_priv_ring {
	struct vq *vq;
	struct vhost_user_priv_miss miss;
	int kick, call, err;	/* -1: none */
	uint32_t size;		/* 0 until SET_VRING_NUM */
	uint32_t base;		/* where to start; what the vq says while it is
				   enabled */
	uint32_t reset_base;	/* where a reset stopped it; 0 once it was set
				   or started anew */
	struct vhost_user_vring_addr addr;
	bool have_addr;
	bool started, enabled;	/* as the front-end asked */
	bool running;		/* between run and the answer to quiesce */
	bool undrained;		/* ran since the last answer to drain */
	bool kept_kick;		/* the owner has kick also while it does not run */
	bool error_told;
	bool own_kick;		/* kick is ours, signalled by VRING_KICK */
	bool inband;		/* while it runs: calls and errors that have no
				   descriptor are messages */
	uint8_t due;		/* atomic: such messages to be sent, inband.c */
	uint8_t refused;	/* VHOST_USER_PRIV_SET_ bits: asked for in vain
				   since they were last set */
	uint8_t wait_told;	/* the last cause of waiting that the owner
				   heard of, see run.c */
};

/* Settings of a ring before it starts. */
#define VHOST_USER_PRIV_SET_NUM		1u
#define VHOST_USER_PRIV_SET_BASE	2u
#define VHOST_USER_PRIV_SET_ADDR	4u

/* The one question to the owner that may be open. Any thread answers it. */
struct vhost_user_priv_answer {
	uint64_t token;
	uint32_t state;		/* enum vhost_user_priv_answer_state */
	int result;		/* of a transfer of state; valid when ANSWERED */
	pthread_t asker;	/* the session's thread, while it is ASKED */
	bool asking;		/* the asker is inside the owner's callback */
	bool unsignalled;	/* answered there: valid when ANSWERED */
};

enum vhost_user_priv_answer_state {
	VHOST_USER_PRIV_NOT_ASKED,
	VHOST_USER_PRIV_ASKED,
	VHOST_USER_PRIV_ANSWERING, /* the other thread still uses the session */
	VHOST_USER_PRIV_ANSWERED,
};

/* Subjects of the session's epoll. */
enum vhost_user_priv_watch {
	VHOST_USER_PRIV_WATCH_MAIN,
	VHOST_USER_PRIV_WATCH_CHANNEL,
	VHOST_USER_PRIV_WATCH_EVENT,	/* an answer was given, or dispatch
					   left something undone */
	VHOST_USER_PRIV_WATCH_TIMER,
	VHOST_USER_PRIV_WATCH_SPACE,	/* a retired map has no user any more */
	VHOST_USER_PRIV_WATCHES
};

/* The most requests that the front-end has not answered. */
#define VHOST_USER_PRIV_MAX_ASKED 64u

/* A request on the back-end channel, in the file that sends it. */
struct vhost_user_priv_ask {
	uint32_t request;
	bool may_wait;		/* until the end of a dispatch: it has no descriptor */
	/* Result of the request; NULL: it is of no interest. */
	void (*answered)(struct vhost_user_backend *b, uint64_t cookie,
			 int result, int fd);
};

/* A request on the back-end channel whose answer is due. */
struct vhost_user_priv_asked {
	uint64_t cookie;
	const struct vhost_user_priv_ask *kind;
	bool cancelled;		/* the owner was told; the answer counts no more */
};

/* Requests of other threads that wait for the session's. */
struct vhost_user_priv_post {
	struct vhost_user_shmem_request request; /* its fd is ours */
	uint64_t cookie;
	bool map;
};

struct vhost_user_priv_posts {
	pthread_mutex_t lock;
	struct vhost_user_priv_post slots[VHOST_USER_PRIV_MAX_ASKED];
	unsigned int first;	/* a ring, in the order of posting */
	unsigned int n;		/* atomic: looked at without the lock, too */
};

struct vhost_user_backend {
	struct vhost_user_backend_config config;
	struct vhost_user_backend_ops ops;
	void *opaque;

	bool have_backend_channel;
	bool config_pending;	/* a change that the front-end is to learn */
	struct vhost_user_priv_asked asked[VHOST_USER_PRIV_MAX_ASKED];
	unsigned int asked_first, nasked; /* a ring, in the order of sending */
	uint64_t shmem_sizes[VHOST_USER_MAX_SHMEM];
	struct vhost_user_priv_posts posts;

	int epoll, event, timer;
	uint32_t main_events, channel_events; /* what epoll waits for */
	uint64_t in_count;	/* messages received whole */
	uint64_t answer_count;	/* of requests of ours */
	unsigned int turns;	/* dispatches that had messages */
	uint64_t stall_in, stall_out; /* the counts when the timer was armed */
	bool timer_armed;
	bool more;		/* event is signalled: dispatch comes again */

	/* by number; NULL where we serve none */
	const struct vhost_user_priv_handler
		*handlers[VHOST_USER_PRIV_FRONTEND_ROWS];

	uint64_t offered, offered_protocol;
	uint64_t features, protocol_features;
	bool features_set;
	bool negotiates;	/* the front-end means to use the device */
	uint8_t status;
	unsigned int strikes;	/* messages with descriptors they do not take */

	struct vmem_space *space;
	struct vmem_iotlb *iotlb;	/* the entries; NULL: the owner wants none */
	struct vmem_map *memory;	/* of the guest, where space has the entries
					   over it; else NULL */
	bool forgot;			/* entries that chains in flight may use */
	uint32_t evictions;		/* how often */
	bool missed;			/* atomic: a ring has a question */
	struct vhost_user_priv_table table;
	struct vhost_user_priv_table staged;
	struct vmem_map *staged_map;
	struct vmem_block *staged_block; /* a log or in-flight area, mapped */

	struct vhost_user_priv_postcopy postcopy;
	struct vmem_block *log;	/* the dirty log, or NULL */
	struct vq_log log_area;	/* where it is mapped */
	bool unlogged;		/* a ring ran with LOG_ALL before there was one,
				   or with memory above it */

	struct vmem_block *inflight; /* the in-flight area, or NULL */
	uint32_t inflight_rings, inflight_entries; /* it has parts for so many */
	bool state_moves;	/* SET_DEVICE_STATE_FD came, no check after it */
	int reply_fd;		/* leaves with the reply that comes next; or -1 */

	struct vhost_user_priv_ring *rings;
	bool inband_due;	/* atomic: some ring has one */
	bool inband_left;	/* ... that could not leave yet */
	bool rings_changed;	/* one may be able to run now */

	/* the parked message; parked_row is NULL when there is none */
	const struct vhost_user_priv_message *parked_row;
	const struct vhost_user_priv_handler *parked_handler;
	struct vhost_user_priv_msg *parked_msg;
	struct vhost_user_priv_answer answer;
	uint32_t asked_ring;
	bool asked_drain;
	uint64_t tokens;

	bool busy;		/* inside dispatch */
	bool holding;		/* requests without descriptors wait for more */
	bool turn_over;		/* a message cost as much as a batch of them */
	bool ending;		/* why is filled; nothing is read any more */
	bool gone;
	struct vsu_error why;

	/* its server hears that it is gone, see server.c; or NULL */
	void (*left)(void *opaque);
	void *left_opaque;

	/* last, and not cleared: each is made where it gets its socket */
	struct vhost_user_priv_channel main;
	struct vhost_user_priv_channel backend_channel;
};

/* The session is over for the reason in b->why. */
static inline void vhost_user_priv_backend_fail(struct vhost_user_backend *b)
{
	b->ending = true;
}

/*
 * A library below calls a wrong argument what we took out of the peer's message:
 * of the caller's arguments none is wrong.
 */
static inline int vhost_user_priv_of_peer(int rc, struct vsu_error *err)
{
	if (rc != -EINVAL)
		return rc;
	if (err)
		err->code = -EBADMSG;
	return -EBADMSG;
}

static inline bool vhost_user_priv_agreed(const struct vhost_user_backend *b,
					  unsigned int protocol_bit)
{
	return b->protocol_features >> protocol_bit & 1;
}

/* Addresses of rings and in them are I/O addresses. */
static inline bool
vhost_user_priv_translates(const struct vhost_user_backend *b)
{
	return b->features & VHOST_USER_F_ACCESS_PLATFORM;
}

static inline struct vhost_user_priv_ring *
vhost_user_priv_ring_of(struct vhost_user_backend *b,
			const struct vhost_user_priv_msg *msg)
{
	return &b->rings[msg->payload.state.index];
}

static inline bool
vhost_user_priv_is_active(const struct vhost_user_priv_ring *ring)
{
	return vq_is_enabled(ring->vq);
}

static inline int vhost_user_priv_reply_u64(struct vhost_user_priv_msg *msg,
					    uint64_t value)
{
	msg->payload.u64 = value;
	msg->hdr.size = sizeof(value);
	return 0;
}

/* session.c */
/* Goes on with the end; the session may be freed when this returns. */
void vhost_user_priv_backend_end(struct vhost_user_backend *b);
/* As vhost_user_backend_close(), for this reason. */
void vhost_user_priv_backend_close(struct vhost_user_backend *b,
				   const struct vsu_error *why);

/* report.c */
/* The owner hears what was refused, or why a ring waits. */
void vhost_user_priv_report(struct vhost_user_backend *b, uint32_t request,
			    uint32_t ring, struct vsu_error *err);

/* message.c */
/* Finds the handlers; before the protocol features are offered. */
void vhost_user_priv_index_handlers(struct vhost_user_backend *b);
/* Handles one received message up to its reply, or parks it. */
void vhost_user_priv_backend_message(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg);
/* The parked message goes on: its rings are quiet. */
void vhost_user_priv_backend_resume(struct vhost_user_backend *b);

/* park.c */
/* True when rings of the scope must be asked first. */
bool vhost_user_priv_must_ask(const struct vhost_user_backend *b, uint32_t ring,
			      bool drain);
/* Asks the owner for what check said; true when it answered at once. */
bool vhost_user_priv_ask(struct vhost_user_backend *b, uint32_t ring,
			 int quiet);
/* Takes the answer if it is there and marks its rings; true then. */
bool vhost_user_priv_accept_answer(struct vhost_user_backend *b);
/* A question is open. */
bool vhost_user_priv_is_asking(const struct vhost_user_backend *b);
/* The question is being answered this moment, on another thread. */
bool vhost_user_priv_is_answering(const struct vhost_user_backend *b);

/* features.c */
uint64_t vhost_user_priv_offered_protocol(const struct vhost_user_backend *b);

/* table.c */
/* Forgets memory that was staged and not published. */
void vhost_user_priv_unstage(struct vhost_user_backend *b);
/* memory.c */
void vhost_user_priv_memory_fini(struct vhost_user_backend *b);
/* ACCESS_PLATFORM was switched: memory is published anew. No ring is active. */
int vhost_user_priv_memory_switch(struct vhost_user_backend *b,
				  struct vsu_error *err);

/* log.c */
/* LOG_ALL may have changed: says to every ring, all quiet, whether it logs. */
void vhost_user_priv_log_switch(struct vhost_user_backend *b);
void vhost_user_priv_log_drop(struct vhost_user_backend *b);
bool vhost_user_priv_log_failed(const struct vhost_user_backend *b);
/* A ring runs: notes it where its writes should be logged and cannot be. */
void vhost_user_priv_note_unlogged(struct vhost_user_backend *b);
/* The memory may have changed: whether the log is long enough for it. */
void vhost_user_priv_note_short_log(struct vhost_user_backend *b);

/* inflight.c */
/* A ring that is about to start gets its part of the area, or none. */
int vhost_user_priv_inflight_attach(const struct vhost_user_backend *b,
				    uint32_t index, struct vsu_error *err);
/* No ring is active. */
int vhost_user_priv_inflight_drop(struct vhost_user_backend *b);
bool vhost_user_priv_inflight_failed(const struct vhost_user_backend *b);

/* ring.c */
int vhost_user_priv_rings_init(struct vhost_user_backend *b);
void vhost_user_priv_rings_fini(struct vhost_user_backend *b);
/* The ring's virtqueue is disabled; where it stands is kept. */
void vhost_user_priv_ring_suspend(struct vhost_user_priv_ring *ring);
/* Whether the staged memory takes an active ring's place away. */
bool vhost_user_priv_any_moves(const struct vhost_user_backend *b);
/* Such rings wait for their memory, or start anew where it is now. */
void vhost_user_priv_suspend_moving(struct vhost_user_backend *b);
/* After memory changed: idle rings let go of the former map. */
void vhost_user_priv_refresh_quiet(struct vhost_user_backend *b);
/* One ring at least is started: the device is not suspended. */
bool vhost_user_priv_any_started(const struct vhost_user_backend *b);
bool vhost_user_priv_any_active(const struct vhost_user_backend *b);
/* How the ring looks to a virtqueue, its addresses translated. */
int vhost_user_priv_vq_config(const struct vhost_user_backend *b,
			      uint32_t index,
			      const struct vhost_user_vring_addr *addr,
			      uint32_t base, struct vq_config *c,
			      struct vsu_error *err);

/* run.c */
/* Starts every ring that is ready. */
void vhost_user_priv_start_ready_rings(struct vhost_user_backend *b);
void vhost_user_priv_ring_stop(struct vhost_user_backend *b, uint32_t index);

/* channel.c: the back-end channel */
/* Sends requests that wait for a started ring or for the socket. */
void vhost_user_priv_backend_channel_pump(struct vhost_user_backend *b);
/* Sends requests that were deferred to the end of a dispatch. */
void vhost_user_priv_backend_channel_send_waiting(struct vhost_user_backend *b);
/* Handles input, or the peer's hang-up. */
void vhost_user_priv_backend_channel_ready(struct vhost_user_backend *b);
/* Handles available replies; false: none. A hang-up is left to the main socket. */
bool vhost_user_priv_backend_channel_answers(struct vhost_user_backend *b);
/* Closes the channel; err is the reason, NULL: it is no longer needed. */
void vhost_user_priv_backend_channel_close(struct vhost_user_backend *b,
				   struct vsu_error *err);
/* answered() of requests whose result the owner gets through its operation. */
void vhost_user_priv_owner_answered(struct vhost_user_backend *b,
				    uint64_t cookie, int result, int fd);
/* Whether that request may be sent now: -EOPNOTSUPP, -EPROTO or -EAGAIN. */
int vhost_user_priv_backend_channel_check(const struct vhost_user_backend *b,
					  const struct vhost_user_priv_ask *kind,
					  struct vsu_error *err);
/* Sends a request; kind->answered() gets the reply and cookie. 1: no reply follows. */
int vhost_user_priv_backend_channel_ask(struct vhost_user_backend *b,
					const struct vhost_user_priv_ask *kind,
					const void *payload, size_t len, const int *fd,
					uint64_t cookie, struct vsu_error *err);
/* Cancels unanswered requests towards the owner; replies may still arrive. */
void vhost_user_priv_backend_channel_cancel(struct vhost_user_backend *b);

/* shmem.c */
/* Checks the regions of the configuration and copies their sizes. */
int vhost_user_priv_shmem_init(struct vhost_user_backend *b,
			       struct vsu_error *err);
/* The same for sizes that are kept elsewhere. */
int vhost_user_priv_shmem_copy_sizes(uint64_t to[VHOST_USER_MAX_SHMEM],
				     const uint64_t *sizes, uint32_t n,
				     struct vsu_error *err);
/* The numbers of a mapping within regions of these sizes; -EINVAL. */
int vhost_user_priv_shmem_check_map(const uint64_t *sizes,
		const struct vhost_user_shmem_request *r,
		struct vsu_error *err);
/* Sends the requests of other threads, as many as may be unanswered. */
void vhost_user_priv_shmem_send_posts(struct vhost_user_backend *b);
/* The session ends: the owner hears that what was not sent is over. */
void vhost_user_priv_shmem_cancel_posts(struct vhost_user_backend *b);

#endif

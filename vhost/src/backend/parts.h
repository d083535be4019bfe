/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of a back-end session. Each names the files that use it.
 *
 * Threads: confined to the session's, except struct vhost_user_priv_answer and
 * struct vhost_user_priv_posts.
 */
#ifndef VHOST_USER_PRIV_PARTS_H
#define VHOST_USER_PRIV_PARTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/handler.h"
#include "backend/table.h"
#include "wire/framing.h"
#include <vhost/backend.h>
#include <vhost/shmem.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

struct vmem_iotlb;

/* The only request to the owner that may be open. Any thread may answer it. */
struct vhost_user_priv_answer {
	uint64_t token;
	uint32_t state;		/* enum vhost_user_priv_answer_state */
	int result;		/* of a state transfer; valid if ANSWERED */
	pthread_t asker;	/* the session's thread; valid while ASKED */
	bool asking;		/* the asker is inside the owner's callback */
	bool unsignalled;	/* answered inside the callback; valid if ANSWERED */
};

enum vhost_user_priv_answer_state {
	VHOST_USER_PRIV_NOT_ASKED,
	VHOST_USER_PRIV_ASKED,
	VHOST_USER_PRIV_ANSWERING, /* another thread still accesses the session */
	VHOST_USER_PRIV_ANSWERED,
};

/* Values of epoll data. */
enum vhost_user_priv_watch {
	VHOST_USER_PRIV_WATCH_MAIN,
	VHOST_USER_PRIV_WATCH_CHANNEL,
	VHOST_USER_PRIV_WATCH_EVENT,	/* an answer was given, or dispatch has further work */
	VHOST_USER_PRIV_WATCH_TIMER,
	VHOST_USER_PRIV_WATCH_SPACE,	/* a retired map can be freed */
	VHOST_USER_PRIV_WATCHES
};

/* Maximum number of unanswered requests to the front-end. */
#define VHOST_USER_PRIV_MAX_ASKED 64u

/* A kind of request on the back-end channel, in the file that sends it. */
struct vhost_user_priv_ask {
	uint32_t request;
	bool may_wait;		/* may be deferred to the end of a dispatch: carries no descriptor */
	/* Receives the result; NULL: the result is ignored. */
	void (*answered)(struct vhost_user_backend *b, uint64_t cookie,
			 int result, int fd);
};

/* An unanswered request on the back-end channel. */
struct vhost_user_priv_asked {
	uint64_t cookie;
	const struct vhost_user_priv_ask *kind;
	bool cancelled;		/* reported to the owner as cancelled; ignore the reply */
};

/* Requests that other threads posted for the session's thread. */
struct vhost_user_priv_post {
	struct vhost_user_shmem_request request; /* duplicate owned by the post */
	uint64_t cookie;
	bool map;
};

struct vhost_user_priv_posts {
	pthread_mutex_t lock;
	struct vhost_user_priv_post slots[VHOST_USER_PRIV_MAX_ASKED];
	unsigned int first;	/* a circular queue, in order of posting */
	unsigned int n;		/* atomic: also read without the lock */
};

/* Requests on the back-end channel: channel.c. */
struct vhost_user_priv_asks {
	bool channel_open;
	bool config_pending;	/* a change must be reported to the front-end */
	bool held;		/* requests without descriptors are deferred and sent together */
	struct vhost_user_priv_asked slots[VHOST_USER_PRIV_MAX_ASKED];
	unsigned int first, n;	/* a circular queue, in order of sending */
	uint64_t answered;	/* replies received */
};

/* Shared memory regions: shmem.c. */
struct vhost_user_priv_shmem {
	uint64_t sizes[VHOST_USER_MAX_SHMEM];
	struct vhost_user_priv_posts posts;
};

/* Descriptors that dispatch waits for: dispatch.c. */
struct vhost_user_priv_wait {
	int epoll, event, timer;
	uint32_t main_events, channel_events; /* watched by epoll */
	bool more;		/* event is signalled: dispatch is called again */
};

/* A peer that neither sends nor reads: dispatch.c. */
struct vhost_user_priv_stall {
	uint64_t received;	/* complete messages */
	uint64_t in, out;	/* received and the sent bytes when the timer was armed */
	bool armed;
};

/* Guest memory: memory.c, iotlb.c. */
struct vhost_user_priv_memory {
	struct vmem_space *space;
	struct vmem_iotlb *iotlb;	/* the entries; NULL: not configured */
	struct vmem_map *translated;	/* if space holds IOTLB entries over it, else NULL */
	bool forgot;			/* entries were evicted that chains in flight may use */
	uint32_t evictions;		/* number of evictions */
	bool missed;			/* atomic: a ring has recorded a miss */
	struct vhost_user_priv_table table;
	struct vhost_user_priv_table staged;
	struct vmem_map *staged_map;
	struct vmem_block *staged_block; /* a log or in-flight area, mapped */
};

/* The dirty log: log.c. */
struct vhost_user_priv_log {
	struct vmem_block *block; /* NULL: no log */
	struct vq_log area;	/* its mapping */
	bool incomplete;	/* rings ran with LOG_ALL, but without a log for all memory */
	bool refused;		/* the last SET_LOG_BASE; LOG_ALL would use another log */
};

/* The in-flight area: inflight.c. */
struct vhost_user_priv_inflight {
	struct vmem_block *block; /* NULL: no area */
	struct vmem_block *kept; /* the room behind it, or NULL: kept.c */
	uint32_t rings, entries; /* number of parts, and ring size, as agreed */
	uint64_t part_len;	/* bytes of a part */
};

/* Memory whose pages arrive on access, see postcopy.c. */
struct vhost_user_priv_postcopy {
	int faults;		/* the userfaultfd, or -1: not advised */
	bool listening;
	struct vhost_user_priv_table table; /* replied to, not yet confirmed */
	struct vmem_map *map;	/* of table; NULL: none is held */
};

enum vhost_user_priv_miss_state {
	VHOST_USER_PRIV_MISS_IDLE,
	VHOST_USER_PRIV_MISS_WANTED,
	VHOST_USER_PRIV_MISS_SENT,
	VHOST_USER_PRIV_MISS_DENIED,
};

/* An I/O address that a ring cannot translate: miss.c. */
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

/* Messages in place of eventfds: inband.c. */
struct vhost_user_priv_inband {
	bool due;		/* atomic: some ring has pending messages */
	bool left;		/* likewise, but the channel was full */
};

/* The message between check and apply: park.c, message.c. */
struct vhost_user_priv_parked {
	const struct vhost_user_message *row; /* NULL: no message is parked */
	const struct vhost_user_priv_handler *handler;
	struct vhost_user_priv_msg *msg;
	struct vhost_user_priv_answer answer;
	uint32_t ring;		/* scope of the request to the owner */
	bool drain;
	uint64_t tokens;
};

/* Notifies the server of the session's end, see server.c. */
struct vhost_user_priv_notify_server {
	void (*left)(void *opaque);	/* or NULL */
	void *opaque;
};

#endif

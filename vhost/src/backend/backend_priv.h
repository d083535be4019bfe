/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end session, as its own files see it.
 *
 *   message   checked in backend_dispatch.c against the message table, then
 *             given to its handler
 *   handler   judges in check, takes effect in apply; between the two, rings
 *             are left alone by their threads where check asked for it
 *   parked    the message between check and apply while an answer is awaited
 *   staged    memory that is mapped and waits for apply to be published
 *
 * Threads: confined, but for struct vhost_user_priv_answer.
 */
#ifndef VHOST_USER_PRIV_BACKEND_H
#define VHOST_USER_PRIV_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/framing.h"
#include "wire/messages.h"
#include <vhost/backend.h>
#include <vhost/shmem.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

struct vhost_user_priv_ring {
	struct vq *vq;
	int kick, call, err;	/* -1: none */
	uint32_t size;		/* 0 until SET_VRING_NUM */
	uint32_t base;		/* where to start; what the vq says while it is
				   enabled */
	struct vhost_user_vring_addr addr;
	bool have_addr;
	bool started, enabled;	/* as the front-end asked */
	bool running;		/* between run and the answer to quiesce */
	bool undrained;		/* ran since the last answer to drain */
	bool error_told;
};

/* One region of the front-end's memory. */
struct vhost_user_priv_slot {
	struct vhost_user_mem_region wire;
	uint64_t dev, ino;	/* of the file behind it */
	struct vmem_region *region;
};

struct vhost_user_priv_table {
	struct vhost_user_priv_slot *slots;
	uint32_t n;
};

/* The one question to the owner that may be open. Any thread answers it. */
struct vhost_user_priv_answer {
	uint64_t token;
	uint32_t state;		/* enum vhost_user_priv_answer_state */
};

enum vhost_user_priv_answer_state {
	VHOST_USER_PRIV_NOT_ASKED,
	VHOST_USER_PRIV_ASKED,
	VHOST_USER_PRIV_ANSWERING, /* the other thread still uses the session */
	VHOST_USER_PRIV_ANSWERED,
};

/* What epoll's data says. */
enum vhost_user_priv_watch {
	VHOST_USER_PRIV_WATCH_MAIN,
	VHOST_USER_PRIV_WATCH_REQUESTS,
	VHOST_USER_PRIV_WATCH_EVENT,	/* an answer was given */
	VHOST_USER_PRIV_WATCH_TIMER,
	VHOST_USER_PRIV_WATCH_SPACE,	/* a retired map has no user any more */
	VHOST_USER_PRIV_WATCHES
};

/* What check says about the rings before apply. */
#define VHOST_USER_PRIV_GO	0	/* they may run on */
#define VHOST_USER_PRIV_QUIET	1	/* to be left alone */
#define VHOST_USER_PRIV_DRAIN	2	/* and everything popped is pushed */

enum vhost_user_priv_scope {
	VHOST_USER_PRIV_NO_RING,
	VHOST_USER_PRIV_ONE_RING,	/* the payload begins with its index */
	VHOST_USER_PRIV_ALL_RINGS,
};

/*
 * A message of the front-end as we serve it. check may be NULL. apply of a
 * VALUE message leaves the reply in msg (payload and hdr.size).
 */
struct vhost_user_priv_handler {
	int (*check)(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err);
	int (*apply)(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err);
	enum vhost_user_priv_scope scope;
	int quiet;		/* where check is NULL */
};

/* The most requests that the front-end has not answered. */
#define VHOST_USER_PRIV_MAX_ASKED 64u

/* A request on the back-end channel whose answer is due. */
struct vhost_user_priv_asked {
	uint64_t cookie;
	uint32_t request;
	bool cancelled;		/* the owner was told; the answer counts no more */
};

struct vhost_user_backend {
	struct vhost_user_backend_config config;
	struct vhost_user_backend_ops ops;
	void *opaque;

	struct vhost_user_priv_channel main;
	struct vhost_user_priv_channel requests; /* back-end channel */
	bool have_requests;
	bool config_pending;	/* a change that the front-end is to learn */
	struct vhost_user_priv_asked asked[VHOST_USER_PRIV_MAX_ASKED];
	unsigned int asked_first, nasked; /* a ring, in the order of sending */
	uint64_t shmem_sizes[VHOST_USER_MAX_SHMEM];

	int epoll, event, timer;
	uint32_t main_events, requests_events; /* what epoll waits for */
	uint64_t in_count;	/* messages received whole */
	unsigned int turns;	/* dispatches that had messages */
	uint64_t stall_in, stall_out; /* the counts when the timer was armed */
	bool timer_armed;

	uint64_t offered, offered_protocol;
	uint64_t features, protocol_features;
	bool features_set;
	uint8_t status;
	unsigned int strikes;	/* messages with descriptors they do not take */

	struct vmem_space *space;
	struct vhost_user_priv_table table;
	struct vhost_user_priv_table staged;
	struct vmem_map *staged_map;
	struct vmem_block *staged_log;

	struct vmem_block *log;	/* the dirty log, or NULL */
	struct vq_log log_area;	/* where it is mapped */

	struct vhost_user_priv_ring *rings;
	bool unsettled;		/* a ring may be able to run now */

	/* the parked message; parked_row is NULL when there is none */
	const struct vhost_user_priv_message *parked_row;
	const struct vhost_user_priv_handler *parked_handler;
	struct vhost_user_priv_msg *parked_msg;
	struct vhost_user_priv_answer answer;
	uint32_t asked_ring;
	bool asked_drain;
	uint64_t tokens;

	bool busy;		/* inside dispatch */
	bool ending;		/* why is filled; nothing is read any more */
	bool gone;
	struct vsu_error why;
};

/* backend.c */
/* The session is over for the reason in b->why. */
void vhost_user_priv_backend_fail(struct vhost_user_backend *b);
/* Goes on with the end; the session may be freed when this returns. */
void vhost_user_priv_backend_end(struct vhost_user_backend *b);

/* backend_dispatch.c */
extern const struct vhost_user_priv_handler vhost_user_priv_handlers[];
extern const unsigned int vhost_user_priv_nhandlers;
/* The handler of a request, NULL when it is not served. */
const struct vhost_user_priv_handler *
vhost_user_priv_handler(uint32_t number);
/* Handles one received message up to its reply, or parks it. */
void vhost_user_priv_backend_message(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg);
/* The parked message goes on: its rings are quiet. */
void vhost_user_priv_backend_resume(struct vhost_user_backend *b);

/* backend_park.c */
/* True when rings of the scope must be asked first. */
bool vhost_user_priv_must_ask(const struct vhost_user_backend *b, uint32_t ring,
			      bool drain);
/* Asks the owner; true when the answer was given at once. */
bool vhost_user_priv_ask(struct vhost_user_backend *b, uint32_t ring,
			 bool drain);
/* Takes the answer if it is there and marks its rings; true then. */
bool vhost_user_priv_take_answer(struct vhost_user_backend *b);
/* A question is open. */
bool vhost_user_priv_is_asking(const struct vhost_user_backend *b);
/* It is being answered this moment, on another thread. */
bool vhost_user_priv_is_answering(const struct vhost_user_backend *b);

/* backend_features.c */
uint64_t vhost_user_priv_offered_protocol(const struct vhost_user_backend *b);
int vhost_user_priv_get_features(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err);
int vhost_user_priv_check_features(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_set_features(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err);
int vhost_user_priv_get_protocol_features(struct vhost_user_backend *b,
					  struct vhost_user_priv_msg *msg,
					  struct vsu_error *err);
int vhost_user_priv_set_protocol_features(struct vhost_user_backend *b,
					  struct vhost_user_priv_msg *msg,
					  struct vsu_error *err);
int vhost_user_priv_get_queue_num(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);
int vhost_user_priv_set_owner(struct vhost_user_backend *b,
			      struct vhost_user_priv_msg *msg,
			      struct vsu_error *err);
int vhost_user_priv_reset_owner(struct vhost_user_backend *b,
				struct vhost_user_priv_msg *msg,
				struct vsu_error *err);
int vhost_user_priv_check_status(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err);
int vhost_user_priv_set_status(struct vhost_user_backend *b,
			       struct vhost_user_priv_msg *msg,
			       struct vsu_error *err);
int vhost_user_priv_get_status(struct vhost_user_backend *b,
			       struct vhost_user_priv_msg *msg,
			       struct vsu_error *err);
int vhost_user_priv_reset_device(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err);

/* backend_table.c */
/* How sentences name a region. */
#define VHOST_USER_PRIV_PLACE "region at guest address %#llx, size %#llx"
#define VHOST_USER_PRIV_PLACE_ARGS(r) (unsigned long long)(r)->guest_addr, \
		      (unsigned long long)(r)->size
/* The region that the front-end sees at uaddr, or NULL. */
const struct vhost_user_mem_region *
vhost_user_priv_table_find(const struct vhost_user_priv_table *t,
			   uint64_t uaddr);
/*
 * Checks one more region against t and puts it there, mapped, or with the
 * mapping that keep has of the same piece of the same file.
 */
int vhost_user_priv_table_add(const struct vhost_user_backend *b,
			      struct vhost_user_priv_table *t,
			      const struct vhost_user_mem_region *r, int fd,
			      const struct vhost_user_priv_table *keep,
			      struct vsu_error *err);
void vhost_user_priv_table_free(struct vhost_user_priv_table *t);

/* backend_memory.c */
/* Forgets memory that was staged and not published. */
void vhost_user_priv_unstage(struct vhost_user_backend *b);
void vhost_user_priv_memory_fini(struct vhost_user_backend *b);
int vhost_user_priv_check_mem_table(struct vhost_user_backend *b,
				    struct vhost_user_priv_msg *msg,
				    struct vsu_error *err);
int vhost_user_priv_get_max_mem_slots(struct vhost_user_backend *b,
				      struct vhost_user_priv_msg *msg,
				      struct vsu_error *err);
int vhost_user_priv_check_add_mem_reg(struct vhost_user_backend *b,
				      struct vhost_user_priv_msg *msg,
				      struct vsu_error *err);
int vhost_user_priv_check_rem_mem_reg(struct vhost_user_backend *b,
				      struct vhost_user_priv_msg *msg,
				      struct vsu_error *err);
/* Publishes what any of the three staged. */
int vhost_user_priv_commit_memory(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);

/* backend_log.c */
/* Writes are to be logged, and there is nothing to log them in. */
bool vhost_user_priv_lacks_log(const struct vhost_user_backend *b);
void vhost_user_priv_log_switch(struct vhost_user_backend *b);
void vhost_user_priv_log_drop(struct vhost_user_backend *b);
/* Whether this ring's own memory is logged, as its addresses said. */
void vhost_user_priv_ring_log(struct vhost_user_priv_ring *ring);
bool vhost_user_priv_log_failed(const struct vhost_user_backend *b);
int vhost_user_priv_check_log_base(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_set_log_base(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err);
int vhost_user_priv_set_log_fd(struct vhost_user_backend *b,
			       struct vhost_user_priv_msg *msg,
			       struct vsu_error *err);

/* backend_ring.c */
int vhost_user_priv_rings_init(struct vhost_user_backend *b);
void vhost_user_priv_rings_fini(struct vhost_user_backend *b);
/* Lets every ring run that can. */
void vhost_user_priv_settle(struct vhost_user_backend *b);
/* Whether the staged memory takes an active ring's place away. */
bool vhost_user_priv_any_moves(const struct vhost_user_backend *b);
/* Such rings wait for their memory, or start anew where it is now. */
void vhost_user_priv_suspend_moving(struct vhost_user_backend *b);
/* After memory changed: idle rings let go of the former map. */
void vhost_user_priv_refresh_quiet(struct vhost_user_backend *b);
void vhost_user_priv_ring_stop(struct vhost_user_backend *b, uint32_t index);
/* One ring at least is started: the device is not suspended. */
bool vhost_user_priv_any_started(const struct vhost_user_backend *b);
bool vhost_user_priv_any_active(const struct vhost_user_backend *b);
/* How the ring looks to a virtqueue, its addresses translated. */
int vhost_user_priv_vq_config(const struct vhost_user_backend *b,
			      uint32_t index,
			      const struct vhost_user_vring_addr *addr,
			      uint32_t base, struct vq_config *c,
			      struct vsu_error *err);

/* backend_vring.c */
int vhost_user_priv_check_vring_num(struct vhost_user_backend *b,
				    struct vhost_user_priv_msg *msg,
				    struct vsu_error *err);
int vhost_user_priv_set_vring_num(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);
int vhost_user_priv_check_vring_addr(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err);
int vhost_user_priv_set_vring_addr(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_check_vring_base(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err);
int vhost_user_priv_set_vring_base(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_get_vring_base(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_check_vring_enable(struct vhost_user_backend *b,
				       struct vhost_user_priv_msg *msg,
				       struct vsu_error *err);
int vhost_user_priv_set_vring_enable(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err);

/* backend_kick.c: the descriptors of rings */
int vhost_user_priv_check_vring_kick(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err);
int vhost_user_priv_check_vring_call(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err);
int vhost_user_priv_set_vring_kick(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_set_vring_call(struct vhost_user_backend *b,
				   struct vhost_user_priv_msg *msg,
				   struct vsu_error *err);
int vhost_user_priv_set_vring_err(struct vhost_user_backend *b,
				  struct vhost_user_priv_msg *msg,
				  struct vsu_error *err);

/* backend_config.c */
int vhost_user_priv_check_config(struct vhost_user_backend *b,
				 struct vhost_user_priv_msg *msg,
				 struct vsu_error *err);
int vhost_user_priv_get_config(struct vhost_user_backend *b,
			       struct vhost_user_priv_msg *msg,
			       struct vsu_error *err);
int vhost_user_priv_set_config(struct vhost_user_backend *b,
			       struct vhost_user_priv_msg *msg,
			       struct vsu_error *err);

/* backend_requests.c: the back-end channel */
int vhost_user_priv_check_backend_req_fd(struct vhost_user_backend *b,
					 struct vhost_user_priv_msg *msg,
					 struct vsu_error *err);
int vhost_user_priv_set_backend_req_fd(struct vhost_user_backend *b,
				       struct vhost_user_priv_msg *msg,
				       struct vsu_error *err);
/* Sends what waits for a ring to be started or for the socket. */
void vhost_user_priv_requests_pump(struct vhost_user_backend *b);
/* Something arrived, or the peer closed it. */
void vhost_user_priv_requests_ready(struct vhost_user_backend *b);
void vhost_user_priv_requests_close(struct vhost_user_backend *b);
/* Writes what is queued, and waits for the socket where it is full. */
void vhost_user_priv_requests_flush(struct vhost_user_backend *b);

/* backend_shmem.c */
int vhost_user_priv_take_shmem(struct vhost_user_backend *b,
			       struct vsu_error *err);
int vhost_user_priv_get_shmem_config(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg,
				     struct vsu_error *err);
/* The answer to the oldest request; false when none was due, or it is wrong. */
bool vhost_user_priv_shmem_answer(struct vhost_user_backend *b,
				  const struct vhost_user_priv_msg *msg);
/* The owner hears that what is unanswered is over; answers may still come. */
void vhost_user_priv_shmem_cancel(struct vhost_user_backend *b);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end's session, as its own files see it. Its messages leave by
 * sequences (sequence.h).
 *
 *   failed    the session cannot go on; dispatch, from which alone the owner
 *             may be called, reports it
 */
#ifndef VHOST_USER_PRIV_FRONTEND_H
#define VHOST_USER_PRIV_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/framing.h"
#include "wire/messages.h"
#include "frontend/handler.h"
#include "frontend/mappings.h"
#include "frontend/sequence.h"
#include <vhost/frontend.h>
#include <vhost/frontend_device.h>
#include <vhost/protocol.h>
#include <vhost/shmem.h>

/* Rings that kick and call messages can name. */
#define FE_MAX_RINGS	256u
/* Memory slots beyond this are of no use and not believed. */
#define FE_MAX_SLOTS	512u
/* Bytes that may wait for a peer that does not read. */
#define FE_OUT_MAX	(64u * 1024)
/* Requests on the back-end channel that are served per dispatch. */
#define FE_SHMEM_BATCH	32u

/*
 * Added to a guest address to make the user address that is sent: not
 * 0, which some peers take for "none", and far from any pointer of ours.
 */
#define FE_USER_BASE	(UINT64_C(1) << 44)

/* Subjects of the session's epoll; dispatch looks at everything anyway. */
enum fe_watch {
	FE_WATCH_MAIN,
	FE_WATCH_BACKEND_CHANNEL,
	FE_WATCH_TIMER,
	FE_WATCH_EVENT,
	FE_WATCH_WINDOW,
};

#define F_VERSION_1	(UINT64_C(1) << 32)

struct fe_ring {
	struct vhost_user_ring desc;	/* its fds are ours */
	bool described;
	bool started;
};

/* One message of a change of memory. */
struct fe_change {
	struct vmem_region *region;
	bool add;
	bool refused;
};

struct fe_memory {
	struct vmem_map *wanted;	/* by the owner; referenced */
	struct vmem_map *former;	/* what to go back to, while RUNNING */
	struct vmem_region **held;	/* what the back-end has; referenced */
	unsigned int nheld;
	struct fe_change *changes;	/* that make wanted out of held */
	unsigned int nchanges;
	bool whole;			/* one SET_MEM_TABLE instead of slots */
	bool refused;
	struct vsu_error why;		/* of the first refusal */
	bool read_only_regions;		/* ROM is sent, too */
	bool rom_refused;		/* the back-end does not accept it */
};

/* A SHMEM request of the batch that is being put together or answered. */
struct fe_shmem_entry {
	uint32_t request;
	bool need_reply;
	int result;
	int change;			/* in the owner's array, or -1 */
};

struct fe_shmem {
	struct vhost_user_priv_shmem table;
	struct vhost_user_shmem_change changes[FE_SHMEM_BATCH];
	struct fe_shmem_entry entries[FE_SHMEM_BATCH];
	unsigned int nchanges, nentries;
	unsigned int answered;		/* entries, from the first */
	bool told;			/* the owner knows of the batch */
	bool parked;			/* the next one waits for its block */
	struct vhost_user_priv_msg *held; /* read, but of another kind */
};

struct fe_postcopy {
	bool listening;		/* from the answer to LISTEN to that to END */
	bool asked;		/* the answer to a table is due */
	bool placed;		/* ... has come, and the word behind is due */
};

/* Requests whose replies are due, oldest first: request.c, answer.c. */
struct fe_replies {
	struct fe_pending pending[FE_PENDING];	/* a ring buffer */
	unsigned int first, n;
	struct fe_pending answered;	/* the last acknowledged request */
	uint64_t waiting_since;		/* for the oldest; 0: for none */
};

/* The in-flight area: inflight.c. */
struct fe_inflight {
	int fd;				/* -1: no area */
	bool asked;			/* the reply that brings it is due */
	struct vhost_user_inflight area;
};

/* The dirty log: log.c. */
struct fe_log {
	int fd;				/* -1: no log */
	struct vhost_user_log area;
	bool switching;			/* ops->log is due */
};

/* A lost back-end and its replacement: reconnect.c. */
struct fe_reconnect {
	bool away;			/* the connection is lost */
	bool resume;			/* rings ran, or were to start */
	bool untouched;			/* ... and no back-end has received them */
	bool start_unreported;		/* the owner waits for started or stopped */
	bool stop_unreported;
	uint64_t pause_ns;		/* between attempts, at first */
	uint64_t lost_ns, tried_ns;	/* when; 0: never */
	uint64_t retry_due;		/* the next attempt */
	/* as of the first handshake: a replacement offers at least these */
	uint64_t features, protocol;
	uint32_t queue_num;
};

struct vhost_user_frontend {
	struct vhost_user_frontend_ops ops;
	struct vhost_user_frontend_device_ops device;
	void *opaque;
	const struct fe_handler *handlers[VHOST_USER_PRIV_SIDES]
					 [VHOST_USER_PRIV_FRONTEND_ROWS];
	char *peer;
	uint64_t timeout_ns;
	uint64_t protocol_wanted, protocol_required;

	int epoll_fd, timer_fd;
	int event_fd;			/* readable: dispatch comes again; or -1 */
	bool signalled;			/* event_fd is readable */
	uint32_t main_events, channel_events;	/* what epoll watches */
	bool connected;			/* main has a socket */
	bool has_backend_channel;
	unsigned int channel_strays;	/* requests with fds they do not take */

	enum vhost_user_frontend_state state;
	bool dispatching;
	bool failed;
	bool more;			/* the last dispatch left something: */
	bool main_more, channel_more;	/* that was read already */
	unsigned int turns;		/* dispatches that had messages */
	struct vsu_error reason;
	bool send_failed;		/* the answer that tells why may come */
	struct vsu_error send_error;

	const struct fe_sequence *seq, *next_seq;
	unsigned int step, item, seq_pending;

	struct fe_replies replies;
	uint64_t stop_due;		/* the end of a stop's time; 0: none */
	uint64_t timer_due;		/* 0: not armed */

	uint64_t features, offered_protocol, protocol, acked;
	bool acks;			/* REPLY_ACK is in force */
	uint32_t queue_num, max_slots;

	struct fe_ring *rings;
	unsigned int nrings;
	uint32_t bases[FE_MAX_RINGS];
	struct fe_memory mem;
	struct fe_postcopy postcopy;
	bool config_changed;
	/* the ends of a handshake and of a start; neither is NULL in theirs */
	void (*ready_fn)(struct vhost_user_frontend *f);
	void (*started_fn)(struct vhost_user_frontend *f);

	struct fe_inflight inflight;
	bool parking;			/* a stop leaves, or left, requests there */
	struct fe_log log;

	bool final;			/* the owner ended the session */
	struct fe_reconnect reconnect;

	uint64_t max_shmem;
	uint32_t shmem_bit;		/* of SHMEM on the wire */
	struct fe_shmem shm;

	/* last, and not cleared: each is made where it gets its socket */
	struct vhost_user_priv_channel main;
	struct vhost_user_priv_channel backend_channel;
};

/* With GPA_ADDRESSES both peers speak of guest addresses alone. */
static inline uint64_t fe_user_addr(const struct vhost_user_frontend *f,
				    uint64_t gpa)
{
	bool same = f->protocol & VHOST_USER_PROTOCOL_BIT(GPA_ADDRESSES);

	return same ? gpa : gpa + FE_USER_BASE;
}

/* Rings and what is in them have I/O addresses. */
static inline bool fe_translates(const struct vhost_user_frontend *f)
{
	return f->acked & VHOST_USER_F_ACCESS_PLATFORM;
}

static inline bool fe_has(const struct vhost_user_frontend *f, unsigned int bit)
{
	return f->protocol >> bit & 1;
}

/* session.c */

/* Hangs up; the back-end drops all it had of us, as we do of it. */
void vhost_user_priv_fe_disconnect(struct vhost_user_frontend *f);
/* Takes a connected socket over, on success. */
int vhost_user_priv_fe_attach(struct vhost_user_frontend *f, int sock,
			      struct vsu_error *err);

/* waiting.c */

/* Queued messages leave, as far as the socket takes them. */
void vhost_user_priv_fe_flush(struct vhost_user_frontend *f);
/* Dispatch has come: event_fd has done its part. */
void vhost_user_priv_fe_forget_wake(struct vhost_user_frontend *f);
/* Flushes for public calls, unless dispatch does it at its end. */
void vhost_user_priv_fe_push(struct vhost_user_frontend *f);
/* Tells epoll which events of the back-end channel are wanted. */
void vhost_user_priv_fe_watch_backend_channel(struct vhost_user_frontend *f);
/* Ends the session when the oldest request has waited too long. */
void vhost_user_priv_fe_look_at_timer(struct vhost_user_frontend *f);

/* Dispatch comes at that time; or not any more. */
void vhost_user_priv_fe_arm(struct vhost_user_frontend *f, uint64_t due);
void vhost_user_priv_fe_disarm(struct vhost_user_frontend *f);

/* handshake.c */
void vhost_user_priv_fe_handshake(struct vhost_user_frontend *f,
				  void (*done)(struct vhost_user_frontend *f));

/* start_stop.c */
/* Starts the described rings with the features that were acknowledged. */
int vhost_user_priv_fe_begin_start(struct vhost_user_frontend *f,
				   void (*done)(struct vhost_user_frontend *f),
				   struct vsu_error *err);

/* inflight.c */
int vhost_user_priv_fe_send_get_inflight(struct vhost_user_frontend *f,
					 unsigned int item,
					 struct vsu_error *err);
int vhost_user_priv_fe_send_set_inflight(struct vhost_user_frontend *f,
					 unsigned int item,
					 struct vsu_error *err);
void vhost_user_priv_fe_drop_inflight(struct vhost_user_frontend *f);

/* log.c */
int vhost_user_priv_fe_send_log(struct vhost_user_frontend *f,
				unsigned int item, struct vsu_error *err);
/* Features that were acknowledged, and those of the protocol. */
int vhost_user_priv_fe_send_features(struct vhost_user_frontend *f,
				     unsigned int item, struct vsu_error *err);
void vhost_user_priv_fe_drop_log(struct vhost_user_frontend *f);
/* The log that is in force, if one is, has a bit for every page of the map. */
int vhost_user_priv_fe_check_logged(const struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err);

/* postcopy.c */
/* Sends the word behind a memory table whose answer was taken. */
int vhost_user_priv_fe_confirm_memory(struct vhost_user_frontend *f,
				      unsigned int item, struct vsu_error *err);
/* reconnect.c */
/* Whether a session that failed goes on with another connection. */
bool vhost_user_priv_fe_may_return(const struct vhost_user_frontend *f);
/* Goes on so, after a failure. */
void vhost_user_priv_fe_lose(struct vhost_user_frontend *f);
/* Without a connection: makes one when it is time. */
void vhost_user_priv_fe_retry(struct vhost_user_frontend *f);
/* Rings that were to be stopped when the back-end was lost are. */
void vhost_user_priv_fe_tell_stopped(struct vhost_user_frontend *f);

/* memory.c */
/* Whether the back-end could be given that map now. */
int vhost_user_priv_fe_check_memory(struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err);
/* Region i of those that are not ROM, in order; NULL behind the last. */
struct vmem_region *vhost_user_priv_fe_next_ram(const struct vmem_map *map,
						unsigned int *i);
int vhost_user_priv_fe_plan_memory(struct vhost_user_frontend *f,
				   struct vsu_error *err);
unsigned int vhost_user_priv_fe_memory_count(struct vhost_user_frontend *f);
int vhost_user_priv_fe_send_memory(struct vhost_user_frontend *f,
				   unsigned int item, struct vsu_error *err);
/*
 * A refusal of ROM costs the back-end nothing but that: told once, it is asked
 * for no more. False where p is about something else.
 */
bool vhost_user_priv_fe_forgive_rom(struct vhost_user_frontend *f,
				    const struct fe_pending *p,
				    struct vsu_error *err);
/* The planned changes are answered: held is what the back-end has now. */
void vhost_user_priv_fe_apply_answers(struct vhost_user_frontend *f);
/* The back-end has nothing any more, and no change is under way. */
void vhost_user_priv_fe_forget_held(struct vhost_user_frontend *f);
void vhost_user_priv_fe_free_memory(struct vhost_user_frontend *f);

/* ring.c */
unsigned int vhost_user_priv_fe_ring_count(struct vhost_user_frontend *f);
unsigned int vhost_user_priv_fe_ring_message_count(
		struct vhost_user_frontend *f);
int vhost_user_priv_fe_send_ring(struct vhost_user_frontend *f,
				 unsigned int item, struct vsu_error *err);
int vhost_user_priv_fe_send_addr(struct vhost_user_frontend *f,
				 unsigned int item, struct vsu_error *err);
int vhost_user_priv_fe_enable_ring(struct vhost_user_frontend *f,
				   unsigned int item, struct vsu_error *err);
int vhost_user_priv_fe_disable_ring(struct vhost_user_frontend *f,
				    unsigned int item, struct vsu_error *err);
int vhost_user_priv_fe_get_base(struct vhost_user_frontend *f,
				unsigned int item, struct vsu_error *err);
/* The ring's areas begin in memory of the map. */
int vhost_user_priv_fe_check_rings(struct vhost_user_frontend *f,
				   const struct vmem_map *map,
				   struct vsu_error *err);
void vhost_user_priv_fe_free_rings(struct vhost_user_frontend *f);

/* channel.c */

/* Makes the channel and sends its other end. */
int vhost_user_priv_fe_backend_channel_offer(struct vhost_user_frontend *f,
				     unsigned int item, struct vsu_error *err);
/* Serves a bounded number of requests, *n; true when there may be more. */
bool vhost_user_priv_fe_backend_channel_serve(struct vhost_user_frontend *f,
					      unsigned int *n);
void vhost_user_priv_fe_backend_channel_close(struct vhost_user_frontend *f);

/* shmem.c */

/* Whether a request may join the batch; a batch is of one kind. */
bool vhost_user_priv_fe_shmem_joins(const struct vhost_user_frontend *f,
				    uint32_t request);
/* Gives the batch to the owner and answers; may leave it parked. */
int vhost_user_priv_fe_shmem_flush(struct vhost_user_frontend *f,
				   struct vsu_error *err);
/* Goes on with a parked batch, where it can. */
int vhost_user_priv_fe_shmem_resume(struct vhost_user_frontend *f,
				    struct vsu_error *err);
/* The channel ends: the owner is told of the batch, nobody is answered. */
void vhost_user_priv_fe_shmem_abandon(struct vhost_user_frontend *f);
/* Takes every mapping away, through the owner. */
void vhost_user_priv_fe_shmem_clear(struct vhost_user_frontend *f);

#endif

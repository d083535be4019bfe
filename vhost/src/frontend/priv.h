/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end's session: declarations that its files share. Messages are sent
 * by sequences (requests.h).
 *
 *   failed    the session cannot continue. Dispatch reports it, because only
 *             dispatch may call the owner.
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
#include "frontend/requests.h"
#include <vhost/frontend.h>
#include <vhost/frontend_device.h>
#include <vhost/protocol.h>
#include <vhost/shmem.h>

/* Limit of the ring index in kick and call messages. */
#define FE_MAX_RINGS	256u
/* More memory slots are useless, so a larger number is reduced. */
#define FE_MAX_SLOTS	512u
/* Maximum number of bytes that a peer has not read. */
#define FE_OUT_MAX	(64u * 1024)
/* Maximum number of requests on the back-end channel per dispatch. */
#define FE_SHMEM_BATCH	32u

/*
 * Added to a guest address to form a user address. Not 0, which some peers
 * treat as "none", and unlike any pointer of this process.
 */
#define FE_USER_BASE	(UINT64_C(1) << 44)

/* Values of epoll data; dispatch polls all of them in any case. */
enum fe_watch {
	FE_WATCH_MAIN,
	FE_WATCH_BACKEND_CHANNEL,
	FE_WATCH_TIMER,
	FE_WATCH_EVENT,
	FE_WATCH_WINDOW,
};

#define F_VERSION_1	(UINT64_C(1) << 32)

/* How far the start of a ring has been sent. */
enum fe_ring_start {
	FE_RING_STOPPED,
	FE_RING_CALLED,		/* SET_VRING_CALL: another call descriptor is sent at once */
	FE_RING_STARTED,	/* SET_VRING_KICK: until the reply with its position */
};

struct fe_ring {
	struct vhost_user_ring desc;	/* duplicates owned by the session */
	bool described;
	enum fe_ring_start start;
};

/* One message of a memory change. */
struct fe_change {
	struct vmem_region *region;
	bool add;
	bool refused;
};

/* A change of memory while RUNNING: memory_change.c. */
enum fe_memory_change {
	FE_MEMORY_SETTLED,	/* none; its result was reported */
	FE_MEMORY_CHANGES,	/* wanted is sent, and old is kept */
	FE_MEMORY_REVERTS,	/* it was refused: wanted is the previous map again */
};

struct fe_memory {
	struct vmem_map *wanted;	/* set by the owner; referenced */
	struct vmem_map *old;	/* restored if the change is refused */
	enum fe_memory_change change;
	struct vmem_region **held;	/* accepted by the back-end; by address; referenced */
	unsigned int nheld;
	struct fe_change *changes;	/* turn held into wanted */
	unsigned int nchanges;
	bool one_table;			/* one SET_MEM_TABLE instead of slots */
	bool refused;
	struct vsu_error why;		/* of the first refusal */
	bool read_only_regions;		/* ROM is announced, too */
	bool rom_refused;		/* the back-end refused ROM */
	/* ROM that this process cannot open for reading: a negative errno, and whether it was reported */
	int rom_code;
	bool rom_reported;
};

/* A SHMEM request of the batch that is collected or answered. */
struct fe_shmem_entry {
	uint32_t request;
	bool need_reply;
	int result;
	int change;			/* index in the owner's array, or -1 */
};

struct fe_shmem {
	uint64_t max_bytes;		/* of all regions */
	uint32_t bit;			/* the bit of SHMEM on the wire */
	struct vhost_user_priv_mappings table;
	struct vhost_user_shmem_change changes[FE_SHMEM_BATCH];
	struct fe_shmem_entry entries[FE_SHMEM_BATCH];
	unsigned int nchanges, nentries;
	unsigned int answered;		/* number of answered entries */
	bool reported;			/* the batch was reported to the owner */
	bool parked;			/* the next reply waits until its block is unused */
	struct vhost_user_priv_msg *held; /* a received request of another kind */
};

/* Configuration writes that each start repeats: kept.c. */
#define FE_KEPT_WRITES 8u
#define FE_KEPT_BYTES 8u

struct fe_kept_write {
	uint32_t off, len;
	unsigned char bytes[FE_KEPT_BYTES];
};

struct fe_kept {
	struct fe_kept_write writes[FE_KEPT_WRITES];
	unsigned int n;
};

struct fe_postcopy {
	bool listening;		/* from the reply to LISTEN to the reply to END */
	bool asked;		/* the reply to a table is due */
	bool placed;		/* it was received, and its confirmation must be sent */
};

/* Requests whose replies are due, oldest first: request.c, answer.c. */
struct fe_replies {
	struct fe_pending pending[FE_PENDING];	/* circular buffer */
	unsigned int first, n;
	struct fe_pending answered;	/* the last acknowledged request */
	uint64_t waiting_since;		/* start of the oldest one's time-out; 0: none */
};

enum fe_inflight_list {
	FE_INFLIGHT_IN_USE,		/* by the back-end, which empties it before a stop */
	FE_INFLIGHT_LEFT,		/* a stop without a back-end left requests in it */
};

/* The in-flight area: inflight.c. */
struct fe_inflight {
	int fd;				/* -1: no area */
	enum fe_inflight_list list;
	bool asked;			/* its reply is due */
	struct vhost_user_inflight area;
};

/* The dirty log: log.c. */
struct fe_log {
	int fd;				/* -1: no log */
	struct vhost_user_log area;
	bool switching;			/* ops->log must be called */
};

/* A disconnected back-end and its replacement: reconnect.c. */
struct fe_reconnect {
	bool away;			/* not connected */
	bool resume;			/* rings ran or were starting */
	bool untouched;			/* likewise, and no back-end has received them yet */
	bool start_unreported;		/* started or stopped must still be reported */
	bool stop_unreported;
	uint64_t pause_ns;		/* the first pause between attempts */
	uint64_t lost_ns, tried_ns;	/* time of loss and of the last attempt; 0: never */
	uint64_t retry_due;		/* time of the next attempt */
	/* from the first handshake: a replacement must offer at least these */
	uint64_t features, protocol;
	uint32_t queue_num;
};

/* Descriptors and times that dispatch waits for: waiting.c. */
struct fe_wait {
	int epoll_fd, timer_fd;
	int event_fd;			/* signalled to be dispatched again; or -1 */
	bool signalled;			/* event_fd is signalled */
	uint32_t main_events, channel_events;	/* watched by epoll */
	uint64_t timer_due;		/* 0: not armed */
	bool more;			/* the last dispatch has left work */
	bool main_more, channel_more;	/* messages that were already read */
};

/* Why the session cannot continue: request.c, dispatch.c. */
struct fe_failure {
	bool failed;
	struct vsu_error reason;
	bool send_failed;		/* a reply with the reason may still arrive */
	struct vsu_error send_error;
};

/* The sequence that is being sent: sequence.c. */
struct fe_progress {
	const struct fe_sequence *seq, *next;
	unsigned int step, item, pending;
};

/* Protocol features: handshake.c. */
struct fe_terms {
	uint64_t wanted, required;	/* by the owner */
	uint64_t offered;		/* by the back-end */
};

/* Called at the end of a handshake or a start; not NULL meanwhile. */
struct fe_done {
	void (*ready)(struct vhost_user_frontend *f);
	void (*started)(struct vhost_user_frontend *f);
};

struct vhost_user_frontend {
	struct vhost_user_frontend_ops ops;
	struct vhost_user_frontend_device_ops device;
	void *opaque;
	const struct fe_handler *handlers[VHOST_USER_SIDES]
					 [VHOST_USER_PRIV_FRONTEND_ROWS];
	char *peer;
	uint64_t timeout_ns;
	struct fe_terms terms;

	struct fe_wait wait;
	bool connected;			/* main has a socket */
	bool has_backend_channel;
	unsigned int channel_strays;	/* requests with unexpected descriptors */

	enum vhost_user_frontend_state state;
	bool dispatching;
	unsigned int turns;		/* dispatches that handled messages */
	struct fe_failure failure;
	struct fe_progress progress;
	struct fe_replies replies;
	uint64_t stop_due;		/* deadline of a stop; 0: none */

	uint64_t features, protocol, acked;
	bool acks;			/* REPLY_ACK is negotiated */
	uint32_t queue_num, max_slots;

	struct fe_ring *rings;
	unsigned int nrings;
	uint32_t bases[FE_MAX_RINGS];
	struct fe_memory mem;
	struct fe_postcopy postcopy;
	bool config_changed;
	struct fe_kept kept;
	struct fe_done done;

	struct fe_inflight inflight;
	bool parking;			/* a stop leaves, or has left, requests in the in-flight
					 * area */
	struct fe_log log;

	bool final;			/* the owner ended the session */
	struct fe_reconnect reconnect;
	struct fe_shmem shm;

	/* last: not cleared, but initialised with their sockets */
	struct vhost_user_priv_channel main;
	struct vhost_user_priv_channel backend_channel;
};

/* With GPA_ADDRESSES, user addresses are guest addresses. */
static inline uint64_t fe_user_addr(const struct vhost_user_frontend *f,
				    uint64_t gpa)
{
	bool same = f->protocol & VHOST_USER_PROTOCOL_BIT(GPA_ADDRESSES);

	return same ? gpa : gpa + FE_USER_BASE;
}

/* True if ring addresses and buffer addresses are I/O addresses. */
static inline bool fe_translates(const struct vhost_user_frontend *f)
{
	return f->acked & VHOST_USER_F_ACCESS_PLATFORM;
}

static inline bool fe_has(const struct vhost_user_frontend *f, unsigned int bit)
{
	return f->protocol >> bit & 1;
}

/* session.c */

/* Disconnects; both sides release everything received from the other. */
void vhost_user_priv_fe_disconnect(struct vhost_user_frontend *f);
/* Attaches a connected socket and owns it on success. */
int vhost_user_priv_fe_attach(struct vhost_user_frontend *f, int sock,
			      struct vsu_error *err);

/* waiting.c */

/* Sends queued messages, as far as the socket accepts them. */
void vhost_user_priv_fe_flush(struct vhost_user_frontend *f);
/* Resets event_fd at the start of a dispatch. */
void vhost_user_priv_fe_reset_wake(struct vhost_user_frontend *f);
/* Flushes at the end of a public call, unless inside dispatch. */
void vhost_user_priv_fe_push(struct vhost_user_frontend *f);
/* A request of a public call: as vhost_user_priv_fe_request(), and sends it. */
int vhost_user_priv_fe_request_now(struct vhost_user_frontend *f, const struct fe_request *r,
				   struct vsu_error *err);
/* Updates the events that epoll watches on the back-end channel. */
void vhost_user_priv_fe_watch_backend_channel(struct vhost_user_frontend *f);
/* Fails the session when the oldest request has timed out. */
void vhost_user_priv_fe_check_timeouts(struct vhost_user_frontend *f);

/* Requests a dispatch at time due, or cancels it. */
void vhost_user_priv_fe_arm(struct vhost_user_frontend *f, uint64_t due);
void vhost_user_priv_fe_disarm(struct vhost_user_frontend *f);

/* request.c */

/* Fails the session; prefixes err with the peer's name. */
void vhost_user_priv_fe_fail(struct vhost_user_frontend *f,
			     const struct vsu_error *err);
/* Reports a refusal to the owner; prefixes err with the peer's name. */
void vhost_user_priv_fe_report(struct vhost_user_frontend *f,
			       struct vsu_error *err);

/*
 * Queues a request and records the reply that it will have. -EAGAIN: too many
 * are unanswered, -ENOSPC: too many bytes are queued.
 */
int vhost_user_priv_fe_request(struct vhost_user_frontend *f,
			       const struct fe_request *r,
			       struct vsu_error *err);
/* Requests of a sequence without payload, or with a u64. */
int vhost_user_priv_fe_ask(struct vhost_user_frontend *f, uint32_t number,
			   struct vsu_error *err);
int vhost_user_priv_fe_tell(struct vhost_user_frontend *f, uint32_t number,
			    uint64_t value, struct vsu_error *err);
/* GET_FEATURES, also used as a barrier: all earlier messages were handled. */
int vhost_user_priv_fe_barrier(struct vhost_user_frontend *f,
			       unsigned int item, struct vsu_error *err);
/* fd: sent with the reply, borrowed; or -1. */
int vhost_user_priv_fe_backend_channel_reply(struct vhost_user_frontend *f,
					     uint32_t request, int result,
					     int fd, struct vsu_error *err);
/* "SET_VRING_KICK of ring 1" */
const char *vhost_user_priv_fe_name(const struct fe_pending *p, char *buf,
				    size_t size);

/* answer.c */

/* Handles one reply; an invalid one ends the session. */
void vhost_user_priv_fe_answer(struct vhost_user_frontend *f,
			       struct vhost_user_priv_msg *msg);

/* sequence.c */
void vhost_user_priv_fe_begin(struct vhost_user_frontend *f,
			      const struct fe_sequence *seq);
/* Sends what can be sent now; ends the sequence after its last reply. */
void vhost_user_priv_fe_run(struct vhost_user_frontend *f);

/* handshake.c */
void vhost_user_priv_fe_handshake(struct vhost_user_frontend *f,
				  void (*done)(struct vhost_user_frontend *f));

/* start_stop.c */
/* Starts the described rings with the negotiated features. */
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
/* The negotiated features, including protocol bits, without LOG_ALL. */
int vhost_user_priv_fe_send_features(struct vhost_user_frontend *f,
				     unsigned int item, struct vsu_error *err);
/* The negotiated features, with LOG_ALL if a log is set. */
int vhost_user_priv_fe_send_log_all(struct vhost_user_frontend *f,
				    unsigned int item, struct vsu_error *err);
void vhost_user_priv_fe_drop_log(struct vhost_user_frontend *f);
/* Checks that an active log has a bit for every page of the map. */
int vhost_user_priv_fe_check_logged(const struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err);

/* kept.c */
/* A step of a start. */
int vhost_user_priv_fe_send_kept(struct vhost_user_frontend *f,
				 unsigned int item, struct vsu_error *err);
unsigned int vhost_user_priv_fe_kept_count(struct vhost_user_frontend *f);

/* postcopy.c */
/* Sends the confirmation of a memory table whose reply was accepted. */
int vhost_user_priv_fe_confirm_memory(struct vhost_user_frontend *f,
				      unsigned int item, struct vsu_error *err);
/* reconnect.c */
/* True if a failed session can continue with another connection. */
bool vhost_user_priv_fe_may_return(const struct vhost_user_frontend *f);
/* Enters that state after a failure. */
void vhost_user_priv_fe_lose(struct vhost_user_frontend *f);
/* While disconnected: connects when an attempt is due. */
void vhost_user_priv_fe_retry(struct vhost_user_frontend *f);
/* Reports rings as stopped whose stop was in progress at the disconnection. */
void vhost_user_priv_fe_report_stopped(struct vhost_user_frontend *f);

/* memory.c */
/* Checks that the back-end can receive that map now. */
int vhost_user_priv_fe_check_memory(struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err);
/* Region i of those that are not ROM, in order; NULL: past the end. */
struct vmem_region *vhost_user_priv_fe_next_ram(const struct vmem_map *map,
						unsigned int *i);
int vhost_user_priv_fe_plan_memory(struct vhost_user_frontend *f,
				   struct vsu_error *err);
unsigned int vhost_user_priv_fe_memory_count(struct vhost_user_frontend *f);
int vhost_user_priv_fe_send_memory(struct vhost_user_frontend *f,
				   unsigned int item, struct vsu_error *err);
/*
 * Handles a refusal of ROM, which has no other effect: it is reported once, and
 * ROM is not sent again. False: p concerns something else.
 */
bool vhost_user_priv_fe_accept_rom_refusal(struct vhost_user_frontend *f,
				    const struct fe_pending *p,
				    struct vsu_error *err);
/* Reports once that ROM was not sent, because its file cannot be opened again. */
void vhost_user_priv_fe_report_rom(struct vhost_user_frontend *f);
/* All changes are answered: updates held accordingly. */
void vhost_user_priv_fe_apply_answers(struct vhost_user_frontend *f);
/* The back-end has no memory any more, and no change is in progress. */
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
/* Checks that the ring's areas start in memory of the map. */
int vhost_user_priv_fe_check_rings(struct vhost_user_frontend *f,
				   const struct vmem_map *map,
				   struct vsu_error *err);
void vhost_user_priv_fe_free_rings(struct vhost_user_frontend *f);

/* channel.c */

/* Creates the channel and sends its other end. */
int vhost_user_priv_fe_backend_channel_offer(struct vhost_user_frontend *f,
				     unsigned int item, struct vsu_error *err);
/* Serves a bounded number *n of requests; true: more may be available. */
bool vhost_user_priv_fe_backend_channel_serve(struct vhost_user_frontend *f,
					      unsigned int *n);
void vhost_user_priv_fe_backend_channel_close(struct vhost_user_frontend *f);

/* shmem.c */

/* True if a request may join the batch; all entries are of one kind. */
bool vhost_user_priv_fe_shmem_joins(const struct vhost_user_frontend *f,
				    uint32_t request);
/* Passes the batch to the owner and replies; it may stay parked. */
int vhost_user_priv_fe_shmem_flush(struct vhost_user_frontend *f,
				   struct vsu_error *err);
/* Continues a parked batch as far as possible. */
int vhost_user_priv_fe_shmem_resume(struct vhost_user_frontend *f,
				    struct vsu_error *err);
/* The channel ends: reports the batch to the owner, without replies. */
void vhost_user_priv_fe_shmem_abandon(struct vhost_user_frontend *f);
/* Unmaps everything, through the owner. */
void vhost_user_priv_fe_shmem_clear(struct vhost_user_frontend *f);

/* shmem.c: mappings that exist now, in all regions; for tests. */
unsigned int vhost_user_priv_shmem_count(const struct vhost_user_frontend *f);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end session: declarations that its files share.
 *
 *   message   checked in message.c against the message table, then passed to
 *             its handler
 *   handler   a row at the end of the file about its subject: check validates,
 *             apply executes; rings are quiesced in between if check requires it
 *   parked    the message between check and apply, while the owner's answer
 *             is awaited
 *   staged    memory that is mapped, and published by apply
 *
 * Threads: confined to one thread, except as parts.h says.
 */
#ifndef VHOST_USER_PRIV_BACKEND_H
#define VHOST_USER_PRIV_BACKEND_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/handler.h"
#include "backend/parts.h"
#include "backend/table.h"
#include "wire/framing.h"
#include <vhost/backend.h>
#include <vhost/shmem.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

/* How the front-end started a ring. */
enum vhost_user_priv_start {
	VHOST_USER_PRIV_START_NONE, /* it is stopped, and has no kick */
	VHOST_USER_PRIV_START_KICK, /* kick is the front-end's; -1: the ring is polled */
	VHOST_USER_PRIV_START_INBAND, /* kick is our own eventfd, signalled by VRING_KICK */
};

/* The owner's use of a ring: run leads to the last state, quiesce back to a former one. */
enum vhost_user_priv_run {
	VHOST_USER_PRIV_DRAINED,
	VHOST_USER_PRIV_QUIESCED, /* chains may be in flight */
	VHOST_USER_PRIV_RUNS,	/* run was called, and no quiesce was answered since */
};

struct vhost_user_priv_ring {
	struct vq *vq;
	struct vhost_user_priv_miss miss;
	int kick, call, err;	/* -1: none */
	uint32_t size;		/* 0 until SET_VRING_NUM */
	uint32_t base;		/* the start position; while the vq is enabled, its own is valid */
	uint32_t reset_base;	/* position at the last reset; 0 after SET_VRING_BASE or a start */
	struct vhost_user_vring_addr addr;
	bool have_addr;
	enum vhost_user_priv_start start;
	enum vhost_user_priv_run run;
	bool enabled;		/* by the front-end */
	bool kept_kick;		/* the owner uses kick even while the ring does not run */
	bool error_reported;
	bool inband;		/* while it runs: calls and errors without eventfd are messages */
	uint8_t due;		/* atomic: messages to be sent, see inband.c */
	uint8_t refused;	/* VHOST_USER_PRIV_SET_ bits of settings refused since they were
				 * last set */
	uint8_t wait_reported;	/* the cause of waiting that was reported last, see run.c */
};

/* Settings of a ring before it starts. */
#define VHOST_USER_PRIV_SET_NUM		1u
#define VHOST_USER_PRIV_SET_BASE	2u
#define VHOST_USER_PRIV_SET_ADDR	4u

/* The life of a session; life.c lists the transitions. */
enum vhost_user_priv_life {
	VHOST_USER_PRIV_IDLE,
	VHOST_USER_PRIV_DISPATCHES,
	/* why is set, and no further message is read */
	VHOST_USER_PRIV_FAILED,	/* a dispatch ends it */
	VHOST_USER_PRIV_ENDS,	/* rings are drained, then everything is released */
	VHOST_USER_PRIV_GONE,	/* ops.gone was called */
};

struct vhost_user_backend {
	struct vhost_user_backend_config config;
	struct vhost_user_backend_ops ops;
	void *opaque;

	struct vhost_user_priv_asks asks;
	struct vhost_user_priv_shmem shmem;
	struct vhost_user_priv_wait wait;
	struct vhost_user_priv_stall stall;
	unsigned int turns;	/* dispatches that handled messages */

	/* by request number; NULL: not supported */
	const struct vhost_user_priv_handler
		*handlers[VHOST_USER_PRIV_FRONTEND_ROWS];

	uint64_t offered, offered_protocol;
	uint64_t features, protocol_features;
	enum {
		VHOST_USER_PRIV_SILENT,	/* the front-end has not started */
		VHOST_USER_PRIV_NEGOTIATES,
		VHOST_USER_PRIV_FEATURES_SET, /* since the last reset */
	} negotiation;
	uint8_t status;
	unsigned int strikes;	/* messages with unexpected descriptors */

	struct vhost_user_priv_memory mem;
	struct vhost_user_priv_postcopy postcopy;
	struct vhost_user_priv_log log;
	struct vhost_user_priv_inflight inflight;
	bool state_moves;	/* SET_DEVICE_STATE_FD was received, CHECK_DEVICE_STATE was not */
	int reply_fd;		/* to be sent with the next reply; or -1 */

	struct vhost_user_priv_ring *rings;
	struct vhost_user_priv_inband inband;
	bool rings_changed;	/* a ring may have become ready */
	struct vhost_user_priv_parked parked;

	unsigned int batch;	/* messages that may still be read in this turn */
	enum vhost_user_priv_life life;
	struct vsu_error why;
	struct vhost_user_priv_notify_server server;

	/* last: not cleared, but initialised with their sockets */
	struct vhost_user_priv_channel main;
	struct vhost_user_priv_channel backend_channel;
};

/* False: to does not follow the present state, which remains. */
bool vhost_user_priv_enter(struct vhost_user_backend *b, enum vhost_user_priv_life to);

/* Ends the session after this dispatch, for the reason in b->why. */
static inline void vhost_user_priv_backend_fail(struct vhost_user_backend *b)
{
	vhost_user_priv_enter(b, VHOST_USER_PRIV_FAILED);
}

static inline bool vhost_user_priv_is_ending(const struct vhost_user_backend *b)
{
	return b->life >= VHOST_USER_PRIV_FAILED;
}

/*
 * Lower libraries return -EINVAL for values that came from the peer. Report
 * those as -EBADMSG: the caller's arguments are valid.
 */
static inline int vhost_user_priv_of_peer(int rc, struct vsu_error *err)
{
	if (rc != -EINVAL)
		return rc;
	if (err)
		err->code = -EBADMSG;
	return -EBADMSG;
}

static inline bool
vhost_user_priv_has_features(const struct vhost_user_backend *b)
{
	return b->negotiation == VHOST_USER_PRIV_FEATURES_SET;
}

static inline bool vhost_user_priv_agreed(const struct vhost_user_backend *b,
					  unsigned int protocol_bit)
{
	return b->protocol_features >> protocol_bit & 1;
}

/* True if ring addresses and buffer addresses are I/O addresses. */
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
/* Continues the end of the session, which may be freed by this call. */
void vhost_user_priv_backend_end(struct vhost_user_backend *b);
/* As vhost_user_backend_close(), with this reason. */
void vhost_user_priv_backend_close(struct vhost_user_backend *b,
				   const struct vsu_error *why);

/* report.c */
/* Reports to the owner a refused request, or why a ring waits. */
void vhost_user_priv_report(struct vhost_user_backend *b, uint32_t request,
			    uint32_t ring, struct vsu_error *err);

/* message.c */
/* Indexes the handlers; call it before protocol features are offered. */
void vhost_user_priv_index_handlers(struct vhost_user_backend *b);
/* Handles one received message up to its reply, or parks it. */
void vhost_user_priv_backend_message(struct vhost_user_backend *b,
				     struct vhost_user_priv_msg *msg);
/* Continues with the parked message: its rings are quiet. */
void vhost_user_priv_backend_resume(struct vhost_user_backend *b);

/* park.c */
/* True if rings of the scope must be quiesced by their owner. */
bool vhost_user_priv_must_ask(const struct vhost_user_backend *b, uint32_t ring,
			      bool drain);
/* Sends the request that check returned to the owner; true: answered inside. */
bool vhost_user_priv_ask(struct vhost_user_backend *b, uint32_t ring,
			 int quiet);
/* True if the answer is available; marks its rings as quiet. */
bool vhost_user_priv_accept_answer(struct vhost_user_backend *b);
/* A request is open. */
bool vhost_user_priv_is_asking(const struct vhost_user_backend *b);
/* Another thread is answering at this moment. */
bool vhost_user_priv_is_answering(const struct vhost_user_backend *b);

/* features.c */
uint64_t vhost_user_priv_offered_protocol(const struct vhost_user_backend *b);

/* table_add.c */
/* Drops staged memory. */
void vhost_user_priv_unstage(struct vhost_user_backend *b);
/*
 * Checks one more region against t and adds it: newly mapped, or with keep's
 * mapping of the same range of the same file. *fd becomes -1 if t took it, to
 * map it or to close it.
 */
int vhost_user_priv_table_add(const struct vhost_user_backend *b,
			      struct vhost_user_priv_table *t,
			      const struct vhost_user_mem_region *r, int *fd,
			      const struct vhost_user_priv_table *keep,
			      struct vsu_error *err);
/* memory.c */
void vhost_user_priv_memory_fini(struct vhost_user_backend *b);
/* ACCESS_PLATFORM was switched: publishes memory again. No ring is active. */
int vhost_user_priv_memory_switch(struct vhost_user_backend *b,
				  struct vsu_error *err);

/* iotlb.c */
/*
 * Publishes the entries over memory and references it. Unless memory only grew,
 * drops all entries first.
 */
int vhost_user_priv_iotlb_set_memory(struct vhost_user_backend *b,
				     struct vmem_map *memory, bool grows,
				     struct vsu_error *err);
/* Drops entries and memory; the space keeps its current map. */
void vhost_user_priv_iotlb_clear(struct vhost_user_backend *b);

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

/* log.c */
/* LOG_ALL may have changed: switches logging of all rings, which are quiet. */
void vhost_user_priv_log_switch(struct vhost_user_backend *b);
void vhost_user_priv_log_drop(struct vhost_user_backend *b);
bool vhost_user_priv_log_failed(const struct vhost_user_backend *b);
/* A ring runs: records whether its writes should be logged but cannot be. */
void vhost_user_priv_note_unlogged(struct vhost_user_backend *b);
/* Memory may have changed: records whether the log is too short for it. */
void vhost_user_priv_note_short_log(struct vhost_user_backend *b);

/* kept.c: the room behind an area */
uint64_t vhost_user_priv_kept_file_size(const struct vhost_user_backend *b,
					const struct vhost_user_inflight *in);
void vhost_user_priv_kept_make(const struct vhost_user_backend *b,
			       const struct vhost_user_inflight *in, int fd);
void vhost_user_priv_kept_map(struct vhost_user_backend *b,
			      const struct vhost_user_inflight *in, int fd);
/* The device is reset: its former state must not reach another process. */
void vhost_user_priv_kept_clear(const struct vhost_user_backend *b);
void vhost_user_priv_kept_unmap(struct vhost_user_backend *b);

/* inflight.c */
/* Attaches a ring that is about to start to its part of the area, if any. */
int vhost_user_priv_inflight_attach(const struct vhost_user_backend *b,
				    uint32_t index, struct vsu_error *err);
/* Requires that no ring is active. */
int vhost_user_priv_inflight_drop(struct vhost_user_backend *b);
bool vhost_user_priv_inflight_failed(const struct vhost_user_backend *b);

/* ring.c */
int vhost_user_priv_rings_init(struct vhost_user_backend *b);
void vhost_user_priv_rings_fini(struct vhost_user_backend *b);
/* Disables the ring's virtqueue and stores its position. */
void vhost_user_priv_ring_suspend(struct vhost_user_priv_ring *ring);
/* True if the staged memory moves an area of an active ring. */
bool vhost_user_priv_any_moves(const struct vhost_user_backend *b);
/* Suspends such rings; they restart when their memory is published. */
void vhost_user_priv_suspend_moving(struct vhost_user_backend *b);
/* Called after a memory change: idle rings release the previous map. */
void vhost_user_priv_refresh_quiet(struct vhost_user_backend *b);
/* False: the device is suspended. */
bool vhost_user_priv_any_started(const struct vhost_user_backend *b);
bool vhost_user_priv_any_active(const struct vhost_user_backend *b);
/* Fills c with the ring's configuration, its addresses translated. */
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
/* Sends a pending configuration change, if a ring is started. */
void vhost_user_priv_backend_channel_pump(struct vhost_user_backend *b);
/* Sends requests that were deferred to the end of a dispatch. */
void vhost_user_priv_backend_channel_send_waiting(struct vhost_user_backend *b);
/* Handles input and hang-up. */
void vhost_user_priv_backend_channel_ready(struct vhost_user_backend *b);
/* Handles available replies; false: none. The main socket handles a hang-up. */
bool vhost_user_priv_backend_channel_answers(struct vhost_user_backend *b);
/* Closes the channel. err: the reason; NULL: it is no longer needed. */
void vhost_user_priv_backend_channel_close(struct vhost_user_backend *b,
				   struct vsu_error *err);
/* answered() of requests whose result goes to the owner's operation. */
void vhost_user_priv_owner_answered(struct vhost_user_backend *b,
				    uint64_t cookie, int result, int fd);
/* Whether the request may be sent now: 0, -EOPNOTSUPP, -EPROTO or -EAGAIN. */
int vhost_user_priv_backend_channel_check(const struct vhost_user_backend *b,
					  const struct vhost_user_priv_ask *kind,
					  struct vsu_error *err);
/* Sends a request for kind->answered(): of notifier.c, object.c, shmem.c. 1: no reply follows. */
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
/* Sends posts of other threads, up to the limit of unanswered requests. */
void vhost_user_priv_shmem_send_posts(struct vhost_user_backend *b);
/* The session ends: reports unsent posts to the owner as cancelled. */
void vhost_user_priv_shmem_cancel_posts(struct vhost_user_backend *b);

/* session.c; for tests */
uint64_t vhost_user_priv_protocol_features(const struct vhost_user_backend *b);
struct vmem_space *vhost_user_priv_space(struct vhost_user_backend *b);

#endif

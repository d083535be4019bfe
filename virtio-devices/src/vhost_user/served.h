/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The vhost-user server: internal declarations.
 *
 * The session's thread owns a queue in the states OFF and QUIET; in the other
 * states the thread that dispatches the queue owns it:
 *
 *   OFF ---start---> RUN ---ask---> QUIESCE or DRAIN ---leave---> QUIET
 *                     ^                                            |
 *                     +----------------- run again ----------------+
 *
 * The session's thread stores the states of start, ask and run; the queue's
 * thread stores QUIET. Each release store passes the other fields of the queue
 * to the thread that loads the state with acquire. With one thread the same
 * functions are called in sequence.
 */
#ifndef VIRTIO_DEVICES_SERVED_H
#define VIRTIO_DEVICES_SERVED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <vhost/backend.h>
#include <vhost/server.h>

#include "virtio-devices/vhost_user_server.h"

enum server_queue_state {
	QUEUE_OFF,	/* the device's queue is stopped */
	QUEUE_RUN,	/* its thread serves it */
	QUEUE_QUIESCE,	/* its thread shall release it immediately */
	QUEUE_DRAIN,	/* its thread shall release it when no request is in flight */
	QUEUE_QUIET,	/* released by its thread, but not stopped */
};

/*
 * Meaning of a descriptor in an epoll set; upper half of data.u64, index in the
 * lower.
 */
enum server_event {
	EVENT_SESSIONS,	/* the listener, and the session */
	EVENT_LEFT,	/* a queue's thread has released the queue */
	EVENT_SIGBUS,	/* a file that the front-end mapped was truncated */
	EVENT_STATE,	/* for the queue's thread: the state has changed */
	EVENT_KICK,
	EVENT_HOST,
	EVENT_POLL,	/* time to check a ring without a kick descriptor, or that waits */
	EVENT_MORE,	/* more work is pending */
	/* the caller's descriptor, see virtdev_vhost_user_server_wait() */
	EVENT_OTHER,
	EVENT_STREAM,	/* the transfer of the device's state can continue */
	EVENT_STREAM_LATE,	/* time limit of the transfer */
};

/*
 * Eventfd in an epoll set, readable while work is pending: a loop may then
 * ignore the result of dispatch.
 */
struct server_more {
	int fd;			/* -1: not created */
	bool told;
};

/* The caller's descriptor in an epoll set. */
struct server_other {
	int fd;			/* -1: none */
	bool ready;
};

/* Busy-waiting before a thread sleeps. */
struct server_looks {
	uint64_t max_ns;	/* duration; 0: none */
	bool worth;		/* the last sleep was shorter than max_ns */
};

struct virtdev_vhost_user_server;

struct server_queue {
	struct virtdev_vhost_user_server *server;
	uint32_t index;
	int state;		/* atomic; enum server_queue_state */
	uint64_t asked;		/* token of the session's unanswered request for the queue, or
				   0 */
	int epfd;		/* its own, or the server's */
	int ctl;		/* threaded: eventfd, wakes its thread; else -1 */
	int kick, host;		/* borrowed while the queue runs; -1: none */
	bool attached_kick, attached_host; /* the descriptor is in epfd */
	/* the kick descriptor stays in epfd when the queue is released */
	bool keep_kick;
	bool polled;		/* the ring has no kick descriptor */
	/*
	 * The driver was not asked to kick, and the ring is empty: the thread checks
	 * it while it busy-waits, and serves it once before it sleeps.
	 */
	bool quiet;
	bool again;		/* work is pending that no descriptor reports */
	bool woken;		/* one thread: by the device, since its turn began */
	int timer;		/* of a ring that is polled or waits; -1: not created */
	bool stopped;		/* it has run, and stopped at base */
	uint32_t base;
	uint64_t pause;		/* ns until the next check of a polled ring */
	struct server_more more; /* threaded */
	struct server_other other; /* threaded */
	struct server_looks looks; /* threaded */
};

/* Transfer of the device's state, to or from the front-end. */
struct server_stream {
	int fd;			/* -1: no transfer */
	int timer;		/* -1: no transfer that can wait */
	bool load, is_socket;
	/* all bytes have arrived, and the device is loading them */
	bool loads;
	unsigned char *bytes;
	size_t len, at;
	int result;		/* of the last transfer */
	uint64_t token;		/* token of the session's unanswered request for the result; 0:
				   none */
};

struct virtdev_vhost_user_server {
	struct virtdev_vhost_user_server_config config;
	int epfd;
	/* threaded: signalled when a queue is released; else -1 */
	int event;
	bool left;		/* one thread: a queue was released */
	struct server_more more;
	struct server_other other;
	struct server_looks looks;
	int ended;		/* negative: why the server has failed */
	struct vhost_user_server *sessions; /* at most one session at a time */
	struct vhost_user_backend *session; /* NULL: none */
	struct {		/* the session's unanswered request for queues */
		uint64_t token;	/* 0: none */
		uint32_t waiting; /* queues that are not yet released */
		bool drain;	/* stop the queues after they are released */
	} question;
	struct server_stream stream;
	bool has_kept;		/* the session has memory for the device's state */
	bool has_features;	/* the driver's, in this session */
	bool fresh;		/* no queue has run in this session */
	uint32_t nagain;	/* one thread: queues with again set */
	uint32_t next;		/* index of the queue to serve next */
	struct server_queue *served; /* one thread: queue served last; NULL: none */
	uint32_t nqueues;
	struct server_queue queues[];
};

/* server_wait.c */

/* Adds a descriptor to an epoll set. */
int virtdev_priv_socket_watch(int epfd, int fd, uint32_t events,
			      enum server_event what, uint32_t index);

/*
 * Creates the eventfd and adds it to epfd; no effect if that was done already.
 */
int virtdev_priv_socket_more_init(struct server_more *m, int epfd);
void virtdev_priv_socket_more_tell(struct server_more *m, bool more);

/* Makes fd the only caller's descriptor in the set. 0 or a negative errno. */
int virtdev_priv_socket_other_set(struct server_other *o, int epfd, int fd);

/* Ends busy-waiting. True: some queues were quiet, and must be served once more. */
bool virtdev_priv_socket_stop_looks(struct server_looks *looks,
				    struct server_queue *queues, uint32_t n);

/*
 * epoll_wait() after a limited time of busy-waiting, in which the rings of n quiet queues
 * are checked, too. Returns 0 if one of them has a chain, and instead of a sleep if one is
 * still quiet: then serve it once, which requests kicks from its driver.
 */
int virtdev_priv_socket_wait(struct server_looks *looks, int epfd,
			     struct epoll_event *events, int max,
			     int timeout_ms, struct server_queue *queues,
			     uint32_t n);

/* server_queue.c */

int virtdev_priv_socket_queue_init(struct server_queue *q,
				   struct virtdev_vhost_user_server *s,
				   uint32_t index);
void virtdev_priv_socket_queue_fini(struct server_queue *q);

/* Session's thread: starts serving the ring. */
int virtdev_priv_socket_queue_run(struct server_queue *q,
				  struct vsu_error *err);

/*
 * Session's thread: requests the queue from its thread. True: an answer
 * follows. keep_kick: the kick descriptor will not change.
 */
bool virtdev_priv_socket_queue_ask(struct server_queue *q, uint64_t token,
				   bool drain, bool keep_kick);

/*
 * Session's thread: true if the queue was released; stops it if drain is set.
 */
bool virtdev_priv_socket_queue_answered(struct server_queue *q, bool drain);

/*
 * Session's thread: stops the queue in any state. No request may be in flight.
 */
void virtdev_priv_socket_queue_off(struct server_queue *q);

/* Any thread: true if the device's queue is stopped. */
bool virtdev_priv_socket_queue_is_off(const struct server_queue *q);

/* Session's thread: the next start is at a position of another process, or after a reset. */
void virtdev_priv_socket_queue_forget(struct server_queue *q);

/* One thread: serves the queue later in this dispatch, or in the next one. */
void virtdev_priv_socket_queue_wants_turn(struct server_queue *q);

/* Queue's thread: requests a turn after ns. 1: no timer is available, so serve it at once. */
int virtdev_priv_socket_queue_wait(struct server_queue *q, uint64_t ns);

/* Any thread: requests a turn of the queue, soon. */
void virtdev_priv_socket_queue_wake(struct server_queue *q);

/* Queue's thread: one bounded turn. */
void virtdev_priv_socket_queue_turn(struct server_queue *q);

/* server_session.c */

extern const struct virtdev_server_ops virtdev_priv_socket_ops;
extern const struct vhost_user_server_ops virtdev_priv_socket_sessions_ops;
/* Answers the session's open question after its last queue was released. */
void virtdev_priv_socket_answer(struct virtdev_vhost_user_server *s);

/* server_state.c: see struct vhost_user_backend_ops. */
int virtdev_priv_socket_take_state_fd(void *opaque, bool load, int fd);
void virtdev_priv_socket_check_state(void *opaque, uint64_t token);
void virtdev_priv_socket_state_turn(struct virtdev_vhost_user_server *s);
/* One bounded turn of loading the device's state, if that is in progress. */
void virtdev_priv_socket_load_turn(struct virtdev_vhost_user_server *s);
void virtdev_priv_socket_state_late(struct virtdev_vhost_user_server *s);
/* Call it at a reset, or when another transfer begins. */
void virtdev_priv_socket_state_end(struct virtdev_vhost_user_server *s);

/* With one thread, the server counts queues with pending work. */
static inline void virtdev_priv_socket_set_again(struct server_queue *q, bool again)
{
	if (again == q->again)
		return;
	q->again = again;
	if (!q->server->config.threaded)
		q->server->nagain += again ? 1u : UINT32_MAX;
}

static inline enum server_event virtdev_priv_socket_what(uint64_t data)
{
	return (enum server_event)(data >> 32);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The vhost-user server from within.
 *
 * A queue belongs to the session's thread while it is OFF or QUIET, and to the
 * thread that dispatches it in the other states:
 *
 *   OFF ---start---> RUN ---ask---> QUIESCE or DRAIN ---leave---> QUIET
 *                     ^                                            |
 *                     +----------------- run again ----------------+
 *
 * Starting, asking and running again are stores of the session's thread,
 * leaving is one of the queue's. The state hands everything else over, by
 * release store and acquire load. With one thread the same functions are
 * called in a row.
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
	QUEUE_RUN,	/* served */
	QUEUE_QUIESCE,	/* to be left alone at once */
	QUEUE_DRAIN,	/* to be left alone when nothing is in flight */
	QUEUE_QUIET,	/* left alone, but not stopped */
};

/* The meaning of a descriptor in an epoll set; in data.u64, index below. */
enum server_event {
	EVENT_SESSIONS,	/* the listener, and the session */
	EVENT_LEFT,	/* a queue was left by its thread */
	EVENT_SIGBUS,	/* memory of a peer was cut short */
	EVENT_STATE,	/* a queue's new state, for its thread */
	EVENT_KICK,
	EVENT_HOST,
	EVENT_POLL,	/* time to look at a ring that has no kicks */
	EVENT_MORE,	/* there is more to do */
	EVENT_OTHER,	/* the caller's descriptor, beside which it waits */
	EVENT_STREAM,	/* the state of the device can move on */
	EVENT_STREAM_LATE,	/* and has not for a long time */
};

/*
 * An eventfd in an epoll set that stays readable while there is more to do, so
 * that loops need not look at what dispatch says.
 */
struct server_more {
	int fd;			/* -1: none yet */
	bool told;
};

/* A descriptor of the caller's in an epoll set. */
struct server_other {
	int fd;			/* -1: none */
	bool ready;
};

/* Looks before a thread sleeps. */
struct server_looks {
	uint64_t max_ns;	/* for so long; 0: none */
	bool worth;		/* the last sleep was shorter than that */
};

struct virtdev_vhost_user_server;

struct server_queue {
	struct virtdev_vhost_user_server *server;
	uint32_t index;
	int state;		/* atomic; enum server_queue_state */
	uint64_t asked;		/* the session's question to it, or 0 */
	int epfd;		/* its own, or the server's */
	int ctl;		/* threaded: eventfd, wakes its thread; else -1 */
	int kick, host;		/* borrowed while it runs; -1: none */
	bool attached_kick, attached_host; /* these are in epfd */
	bool keep_kick;		/* and this stays there when it is asked */
	bool polled;		/* there is no descriptor that tells of kicks */
	bool again;		/* there is work that no descriptor tells of */
	int timer;		/* of a ring that is looked at; -1: none yet */
	uint64_t pause;		/* before the next look, ns */
	struct server_more more; /* threaded */
	struct server_other other; /* threaded */
	struct server_looks looks; /* threaded */
};

/* A state on its way out or in. */
struct server_stream {
	int fd;			/* -1: none is under way */
	int timer;		/* while one waits; else -1 */
	bool load, is_socket;
	bool loads;		/* all bytes are there, and the device uses them */
	unsigned char *bytes;
	size_t len, at;
	int result;		/* of the last one */
	uint64_t token;		/* of the question how it went; 0: none */
};

struct virtdev_vhost_user_server {
	struct virtdev_vhost_user_server_config config;
	int epfd;
	int event;		/* threaded: a queue was left; else -1 */
	bool left;		/* one thread: a queue was left */
	struct server_more more;
	struct server_other other;
	struct server_looks looks;
	int ended;		/* negative: there is nothing to serve any more */
	struct vhost_user_server *sessions; /* with one place */
	struct vhost_user_backend *session; /* NULL: none */
	struct {		/* the session's question that is open */
		uint64_t token;	/* 0: none */
		uint32_t waiting; /* queues that have not been left */
		bool drain;	/* and stopped afterwards */
	} question;
	struct server_stream stream;
	uint32_t nagain;	/* one thread: queues with again set */
	uint32_t next;		/* the queue whose turn is next */
	struct server_queue *served; /* one thread: the one that had the last; NULL: none */
	uint32_t nqueues;
	struct server_queue queues[];
};

/* server_wait.c */

/* Puts a descriptor into an epoll set. */
int virtdev_priv_server_watch(int epfd, int fd, uint32_t events,
			      enum server_event what, uint32_t index);

/* Once: puts its eventfd there. */
int virtdev_priv_server_more_init(struct server_more *m, int epfd);
void virtdev_priv_server_more_tell(struct server_more *m, bool more);

/* That descriptor is in the set from here on, and no other one: 0, or an errno. */
int virtdev_priv_server_other_set(struct server_other *o, int epfd, int fd);

/* epoll_wait(), for a thread that looks for a while before it sleeps. */
int virtdev_priv_server_wait(struct server_looks *looks, int epfd,
			     struct epoll_event *events, int max,
			     int timeout_ms);

/* server_queue.c */

int virtdev_priv_server_queue_init(struct server_queue *q,
				   struct virtdev_vhost_user_server *s,
				   uint32_t index);
void virtdev_priv_server_queue_fini(struct server_queue *q);

/* On the session's thread: the ring may be served. */
int virtdev_priv_server_queue_run(struct server_queue *q,
				  struct vsu_error *err);

/*
 * On the session's thread; true when there is an answer to wait for. keep_kick:
 * the kick descriptor stays what it is.
 */
bool virtdev_priv_server_queue_ask(struct server_queue *q, uint64_t token,
				   bool drain, bool keep_kick);

/* On the session's thread: the queue answered, and is stopped if drained. */
bool virtdev_priv_server_queue_answered(struct server_queue *q, bool drain);

/* On the session's thread: whatever it was, it is off. Nothing in flight. */
void virtdev_priv_server_queue_off(struct server_queue *q);

/* One thread: the queue has its turn later in this dispatch, or in the next. */
void virtdev_priv_server_queue_wants_turn(struct server_queue *q);

/* On the queue's thread: one bounded turn. */
void virtdev_priv_server_queue_turn(struct server_queue *q);

/* server_session.c */

extern const struct virtdev_server_ops virtdev_priv_server_ops;
extern const struct vhost_user_server_ops virtdev_priv_server_sessions_ops;
/* Answers the session's open question when the last of its queues was left. */
void virtdev_priv_server_answer(struct virtdev_vhost_user_server *s);

/* server_state.c: see struct vhost_user_backend_ops. */
int virtdev_priv_server_take_state_fd(void *opaque, bool load, int fd);
void virtdev_priv_server_check_state(void *opaque, uint64_t token);
void virtdev_priv_server_state_turn(struct virtdev_vhost_user_server *s);
/* If the device is loading a state: one bounded turn of that. */
void virtdev_priv_server_load_turn(struct virtdev_vhost_user_server *s);
void virtdev_priv_server_state_late(struct virtdev_vhost_user_server *s);
/* The session is gone, or another transfer begins. */
void virtdev_priv_server_state_end(struct virtdev_vhost_user_server *s);

static inline enum server_event virtdev_priv_server_what(uint64_t data)
{
	return (enum server_event)(data >> 32);
}

#endif

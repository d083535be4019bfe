/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A connection between the two ends of a migration: sections in both directions,
 * behind a header from the source. docs/migration-stream.md describes them.
 *
 * The peer is untrusted: before the content of a section is returned, its checksum and
 * its length are checked. Each name has a maximum length.
 *
 * Threads: confined; calls block, until the descriptor cancel_fd is readable or the
 * deadline passes. Both are checked before each transfer, so that they also end a call
 * whose peer never makes it wait.
 */
#ifndef VMM_MIGRATION_STREAM_H
#define VMM_MIGRATION_STREAM_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>
#include <vmm-sys-util/state.h>

/* Maximum bytes of guest memory in one section. */
#define VMM_STREAM_PIECE (UINT64_C(1) << 20)
#define VMM_STREAM_CHILD_MS 1000

/*
 * Encryption between the stream and its socket. Both functions transfer a part of the
 * bytes as send(2) and recv(2) do, but return a negative errno. -EAGAIN: wait for *events
 * (poll(2)) and repeat the call; -EPROTO: reason() explains it.
 */
struct vmm_stream_layer {
	ssize_t (*send)(void *self, const void *bytes, size_t len, short *events);
	ssize_t (*receive)(void *self, void *bytes, size_t len, short *events);
	const char *(*reason)(void *self);
	/* Bytes were received from the socket and not yet returned. */
	bool (*pending)(void *self);
	void (*free)(void *self);
};

struct vsu_threads;
struct vsu_closer;

struct vmm_stream {
	int fd;			/* a non-blocking socket, owned; -1: none */
	const struct vmm_stream_layer *layer; /* NULL: bytes are sent as they are */
	void *layer_self;	/* owned */
	pid_t child;		/* process of exec:, or 0 */
	int leash;		/* owned; closed, it ends the child a second later; -1: by a signal */
	const char *no_network;	/* the sentence of refused TCP connections; NULL: they are made */
	int cancel_fd;		/* borrowed, or -1 */
	const struct vsu_threads *threads; /* of lookups, or NULL */
	uint64_t deadline_ns;	/* in the time of vsu_now_ns(); 0: none */
	uint64_t sent;		/* bytes */
	bool torn;		/* a section was sent in part: no other one may follow */
	bool has_fds;		/* a UNIX socket to another process: descriptors can be passed */
	bool sole;		/* likewise, and fd is the only descriptor of this end */
	struct vsu_closer *closer; /* of descriptors from the peer (vsu_foreign_close()), or NULL */
	bool wants_fds;		/* receive: keep the descriptors that come with a section */
	int fds[VSU_SOCK_MAX_FDS]; /* received, owned */
	unsigned int nfds;
	const int *send_fds;	/* to send with the next section, borrowed */
	unsigned int nsend_fds;
	struct vsu_state_writer w; /* the section that is being built */
	unsigned char *bytes;	/* the section that was received */
	size_t room;
};

void vmm_stream_init(struct vmm_stream *s);
/* Also ends a child, which gets VMM_STREAM_CHILD_MS to end by itself. */
void vmm_stream_close(struct vmm_stream *s);
/* Ends a child, if it does not end by itself in time. With a leash, another process kills it later. */
void vmm_stream_end_child(pid_t child, bool leashed);
/* Closes it for another connection, with the same cancel_fd, threads and closer. */
void vmm_stream_renew(struct vmm_stream *s);

/* Waits for events of poll(2). -ECANCELED, -ETIMEDOUT. */
int vmm_stream_wait(const struct vmm_stream *s, int fd, short events,
		    uint64_t until_ns, struct vsu_error *err);

/* Does not wait: -ECANCELED, or -ETIMEDOUT if until_ns is neither 0 nor later. */
int vmm_stream_check(const struct vmm_stream *s, uint64_t until_ns, struct vsu_error *err);

/* Bytes of the peer are here that poll(2) does not report. */
static inline bool vmm_stream_has_input(const struct vmm_stream *s)
{
	return s->layer && s->layer->pending(s->layer_self);
}

/* Waits for bytes of the peer, as vmm_stream_wait(). */
static inline int vmm_stream_wait_input(const struct vmm_stream *s, uint64_t until_ns,
					struct vsu_error *err)
{
	return vmm_stream_has_input(s) ? 0 :
	       vmm_stream_wait(s, s->fd, POLLIN, until_ns, err);
}

/* The header of the source. -EBADMSG, -EOPNOTSUPP: the peer sent another one. */
int vmm_stream_send_header(struct vmm_stream *s, struct vsu_error *err);
int vmm_stream_receive_header(struct vmm_stream *s, struct vsu_error *err);

/*
 * Begins a section; append its content to s->w by vsu_state_put(), then send it.
 * -ECONNRESET: the peer is gone, or an earlier call has sent a part of its section.
 */
void vmm_stream_begin(struct vmm_stream *s, const char *name);
int vmm_stream_send(struct vmm_stream *s, struct vsu_error *err);
/* A section without content. */
int vmm_stream_send_empty(struct vmm_stream *s, const char *name, struct vsu_error *err);

/*
 * Receives the next section, valid until the next call. Skips unknown sections that
 * are not required. -ECONNRESET: the peer has disconnected; -EBADMSG: the section is
 * damaged or too long, or has descriptors that were not requested; -EOPNOTSUPP: a required
 * section is unknown.
 */
int vmm_stream_receive(struct vmm_stream *s, struct vsu_state_section *out,
		       struct vsu_error *err);

/* -EREMOTEIO: the section is "failed", and its text is the reason; the member arg of err is the advice. */
int vmm_stream_report_failed(const struct vsu_state_section *failed, struct vsu_error *err);

/* The section must have that name: 0, -EBADMSG, or as above if it is "failed". */
int vmm_stream_check_name(const struct vsu_state_section *section, const char *name,
			  struct vsu_error *err);

/* Receives the next section, and checks its name. */
int vmm_stream_expect(struct vmm_stream *s, const char *name,
		      struct vsu_state_section *out, struct vsu_error *err);

/* The fields of a received section. */
void vmm_stream_fields(const struct vsu_state_section *section,
		       struct vsu_state_fields *fields);

/* The peer is gone: calls receive what it has sent before, for at most a second. */
void vmm_stream_await_reason(struct vmm_stream *s);

/*
 * Discards what the peer still sends until it has closed the connection, for at most a second. A
 * socket that is closed with unread bytes is reset, and the peer would lose what it was sent last.
 */
void vmm_stream_drain(struct vmm_stream *s);

/*
 * Reports a failure with its advice (the member arg) to the peer, as far as that is still possible,
 * and drains the stream.
 */
void vmm_stream_refuse(struct vmm_stream *s, const struct vsu_error *why);

#endif

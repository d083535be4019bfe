/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Streams of processes between descriptors of the owner and frames on the ports of a guest. Each has a window
 * of VAGENT_WINDOW bytes.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_HOST_STREAMS_H
#define VM_AGENT_HOST_STREAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "host/flow.h"
#include "vm-agent/protocol.h"

/* An output of a process. Bytes that were received wait in a ring of VAGENT_WINDOW bytes. */
struct vagent_priv_sink {
	struct vagent_priv_flow_end to;
	enum vagent_priv_sink_state {
		VAGENT_SINK_OPEN,
		VAGENT_SINK_LOST,	/* the reader is gone, or a write failed; bytes are discarded */
		VAGENT_SINK_COMPLETE,	/* ended by the guest, and all bytes are written or discarded */
	} state;
	bool source_ended;	/* by the guest */
	bool reported;		/* the loss, to the guest */
	int failure;		/* negative errno of a failed write; 0 if the reader is gone */
	int epfd;		/* watches the descriptor; borrowed */
	unsigned char *bytes;
	uint32_t at, have;
	uint32_t consumed;	/* bytes that were not credited to the guest yet */
};

/* Makes a stream to a duplicate of fd, which may be -1. -ENOMEM; errors of epoll_ctl() and fcntl(). */
int vagent_priv_sink_init(struct vagent_priv_sink *s, int epfd, int fd) VSU_NODISCARD;
void vagent_priv_sink_fini(struct vagent_priv_sink *s);
/* Bytes that the guest may send now. */
uint32_t vagent_priv_sink_room(const struct vagent_priv_sink *s);
/* Stores bytes, for which there is room. */
void vagent_priv_sink_put(struct vagent_priv_sink *s, const unsigned char *bytes, uint32_t len);
/* Discards its bytes, as those of a reader that is gone. */
void vagent_priv_sink_discard(struct vagent_priv_sink *s);
/* Writes what is possible. True: all is written, and the guest has ended the stream. */
bool vagent_priv_sink_turn(struct vagent_priv_sink *s);

/* The input of a process. */
struct vagent_priv_source {
	struct vagent_priv_flow_end from;
	bool ended;		/* the frame of its end was made */
	uint32_t credit;	/* bytes that may be sent */
	int epfd;		/* watches the descriptor; borrowed */
};

/* Makes a stream from a duplicate of fd, which may be -1. Errors of epoll_ctl() and fcntl(). */
int vagent_priv_source_init(struct vagent_priv_source *s, int epfd, int fd) VSU_NODISCARD;
void vagent_priv_source_fini(struct vagent_priv_source *s);

/* Reads up to len bytes; 0: the end; -EAGAIN: nothing now. A source that fails has ended. */
ssize_t vagent_priv_source_read(struct vagent_priv_source *s, void *bytes, size_t len);

/* A frame that is being sent. */
struct vagent_priv_frame_out {
	size_t at, len;
	struct {
		struct vagent_frame header;
		unsigned char bytes[VAGENT_MAX_FRAME];
	} frame;
};
/* Sends what is possible. True: all was sent. */
bool vagent_priv_frame_flush(struct vagent_priv_frame_out *f, int fd);

/* A frame that is being received. */
struct vagent_priv_frame_in {
	size_t have;		/* bytes of the header */
	struct vagent_frame header;
	uint32_t left;		/* bytes that follow */
};

#endif

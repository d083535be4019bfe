/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A relay between a front-end and a back-end of vhost-user.
 *
 *   channel   the main socket or the back-end channel, named by the side that sends
 *             requests on it
 *   lane      one direction of a channel: it holds at most one message
 *
 * A lane receives a message only after it has passed on the previous one, so that a
 * slow receiver slows the sender down and memory is bounded. Bytes and descriptors
 * pass unchanged, malformed ones included. The one exception is the descriptor of
 * SET_BACKEND_REQ_FD: the back-end receives a socket of the relay instead.
 *
 * Threads: confined to one.
 */
#ifndef TOOLS_RELAY_H
#define TOOLS_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/message.h>
#include <vhost/protocol.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

/* Longer payloads pass without being shown. */
#define RELAY_MAX_PAYLOAD 4096u

/* A message, while its descriptors are open. */
struct relay_message {
	enum vhost_user_side channel, from;
	uint64_t time_ns;		/* of vsu_now_ns() */
	struct vhost_user_header hdr;
	const unsigned char *payload;
	uint32_t len;			/* of payload; 0 if hdr.size exceeds the maximum */
	const int *fds;
	unsigned int nfds;
	unsigned int late_fds;		/* came behind the first byte, not in fds */
};

struct relay_ops {
	void (*message)(void *opaque, const struct relay_message *m);
	/* Something that is not a message: a sentence. */
	void (*event)(void *opaque, enum vhost_user_side channel,
		      enum vhost_user_side from, const char *text);
	/* Nothing can be passed on: output may be flushed. */
	void (*idle)(void *opaque);
};

/*
 * Passes messages between two connected sockets, indexed by side, until both sides
 * have closed, an error occurs, or stop_fd is readable. Closes the sockets.
 */
void relay_run(const int socks[VHOST_USER_SIDES], struct vsu_closer *closer,
	       int stop_fd, const struct relay_ops *ops, void *opaque);

#endif

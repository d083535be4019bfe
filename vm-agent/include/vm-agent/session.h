/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One command in a guest, seen from the host: its request, its streams, and its end. The guest has
 * the other end of each port (<vm-agent/protocol.h>), and is not trusted: messages are bounded, checked,
 * and accepted in their order only; any other ends the session.
 *
 *	vagent_session_new()
 *	vagent_session_port()       the guest's ends, for a console device
 *	vagent_session_dispatch()   when vagent_session_fd() is readable, until it returns false
 *	vagent_session_status()
 *
 * No call blocks, except for a write to a file of the caller whose file system does.
 *
 * Threads: confined.
 */
#ifndef VM_AGENT_SESSION_H
#define VM_AGENT_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-agent/attributes.h>
#include <vm-agent/end.h>
#include <vm-agent/protocol.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vagent_session;

struct vagent_session_config {
	size_t size;		/* sizeof(struct vagent_session_config); not 0 */
	/*
	 * Records, copied, as struct vagent_request has them. NULL: the session ends, with 0, when the
	 * agent waits for a request, so that the machine can be saved as a template.
	 */
	const char *request;
	uint32_t request_len;
	int in, out, err;	/* of the caller, borrowed; -1: no input, or output is discarded */
	uint64_t timeout_ms;	/* from now on; 0: none */
	bool clone;		/* of a template: the agent waits already */
	/* Without a request: the session waits for vagent_session_request() when the agent does. The
	   timeout is that of the agent. */
	bool waits;
};

/* Makes a session and the sockets of its ports. -EINVAL: the size of config; -ENOMEM; errors of socketpair(). */
VAGENT_API int vagent_session_new(struct vagent_session **out, const struct vagent_session_config *config,
		    struct vsu_error *err) VSU_NODISCARD;
/* In any state; s may be NULL. */
VAGENT_API void vagent_session_free(struct vagent_session *s);

/* The guest's end of a port, a socket of the session, which lives until it is closed. */
VAGENT_API int vagent_session_port(const struct vagent_session *s, enum vagent_port port) VSU_NODISCARD;
/* Closes the guest's ends, after the machine has duplicated them. */
VAGENT_API void vagent_session_close_ports(struct vagent_session *s);

/* Readable when dispatch has work; owned by the session. */
VAGENT_API int vagent_session_fd(const struct vagent_session *s);
/* One turn. False: the session has ended, so the machine may be ended. */
VAGENT_API bool vagent_session_dispatch(struct vagent_session *s);

/*
 * Sends the command of a session that waits: request, streams and timeout; the rest is not used. -EAGAIN:
 * it does not wait. After -EBADF, -ENOMEM, -ENOSPC and similar, of a stream, it waits as before,
 * unless vagent_session_waits() is false: then the session has ended.
 */
VAGENT_API int vagent_session_request(struct vagent_session *s, const struct vagent_session_config *command,
			struct vsu_error *err) VSU_NODISCARD;
/* Whether the agent waits for vagent_session_request(). */
VAGENT_API bool vagent_session_waits(const struct vagent_session *s);

/* Sends a signal to the command; without effect before it is started and after its end. */
VAGENT_API void vagent_session_signal(struct vagent_session *s, int signo);
/* Sets the size of its terminal, likewise. */
VAGENT_API void vagent_session_resize(struct vagent_session *s, unsigned int rows, unsigned int columns);

/* Whether the command has been started. */
VAGENT_API bool vagent_session_is_started(const struct vagent_session *s);

/*
 * The exit status of the session. *why receives a sentence for a status that is not the command's
 * own, or is empty. -EAGAIN: it has not ended.
 */
VAGENT_API int vagent_session_status(const struct vagent_session *s, struct vsu_error *why) VSU_NODISCARD;

/* The kind of its end, without a sentence. -EAGAIN: it has not ended. */
VAGENT_API int vagent_session_end(const struct vagent_session *s, struct vagent_end *end) VSU_NODISCARD;

VSU_END_DECLS

#endif

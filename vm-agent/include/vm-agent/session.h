/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One command in a guest, seen from the host: its request, its streams, and its end. A session is a guest
 * (<vm-agent/guest.h>) with one process in its root, which needs no calls between its request and its end. The guest has
 * the other end of each port (<vm-agent/protocol.h>), and is not trusted: messages are bounded, checked,
 * and accepted in their order only; any other ends the session. Closed ports do not end it, as the owner of the machine
 * has the reason.
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
	 * The records of a struct vagent_request, which are copied. NULL: the session ends with status 0
	 * when the agent waits for a request, so that the machine can be saved as a template.
	 */
	const char *request;
	uint32_t request_len;	/* bytes; at most VAGENT_MAX_REQUEST */
	int in, out, err;	/* descriptors, which are duplicated; -1: no input, or output is discarded */
	uint64_t timeout_ms;	/* from the call to the end of the command; 0: none */
	bool clone;		/* the guest is a clone of a template: the agent waits already */
	/*
	 * When the agent waits for a request, the session waits for vagent_session_request(). timeout_ms
	 * limits the time until then, and request must be NULL.
	 */
	bool waits;
};

/*
 * Makes a session and the sockets of its ports. -EINVAL: the size of config, it has waits and a request, or the request
 * has no command; -E2BIG: the request, with records of the command's rights, exceeds VAGENT_MAX_REQUEST; -EBADF: a
 * stream; -ENOMEM; errors of socketpair().
 */
VAGENT_API int vagent_session_new(struct vagent_session **out, const struct vagent_session_config *config,
		    struct vsu_error *err) VSU_NODISCARD;
/* Frees a session in any state; s may be NULL. */
VAGENT_API void vagent_session_free(struct vagent_session *s);

/*
 * Returns the guest's end of a port, a socket that the session owns; -1 after vagent_session_close_ports(), or if
 * there is no such port.
 */
VAGENT_API int vagent_session_port(const struct vagent_session *s, enum vagent_port port) VSU_NODISCARD;
/* Closes the guest's ends, after the machine has duplicated them. */
VAGENT_API void vagent_session_close_ports(struct vagent_session *s);

/* Returns a descriptor of the session that is readable when vagent_session_dispatch() has work. */
VAGENT_API int vagent_session_fd(const struct vagent_session *s);
/* Serves the agent, the streams and the time limit once. False: the session has ended; end the machine. */
VAGENT_API bool vagent_session_dispatch(struct vagent_session *s);

/*
 * Sends a command to a session that waits; of the struct, request, streams and timeout are used. -EAGAIN: the
 * session does not wait; -EINVAL: the size of command, or its request is NULL or has no command; -E2BIG: as above. After these and errors of a stream (-EBADF, -ENOMEM, -ENOSPC and others) it still waits. If
 * vagent_session_waits() is false after another error, the session has ended.
 */
VAGENT_API int vagent_session_request(struct vagent_session *s, const struct vagent_session_config *command,
			struct vsu_error *err) VSU_NODISCARD;
/*
 * Moves the host's ends of the ports out of a session that waits, for vagent_session_take_ports() in
 * another process. The caller owns them, and the session has no further work. -EAGAIN: the session does
 * not wait.
 */
VAGENT_API int vagent_session_release_ports(struct vagent_session *s, int ports[VAGENT_PORTS],
			struct vsu_error *err) VSU_NODISCARD;
/*
 * Replaces the ports of a new session, whose guest's ends nothing has used, by those of a session that
 * waited, and sends the request at once. The session owns them, also after a failure. -EINVAL: the session
 * has no request, or its guest has it already; after other errors the session has ended.
 */
VAGENT_API int vagent_session_take_ports(struct vagent_session *s, const int ports[VAGENT_PORTS],
			struct vsu_error *err) VSU_NODISCARD;

/* Tells whether the session waits for vagent_session_request(). */
VAGENT_API bool vagent_session_waits(const struct vagent_session *s);

/* Sends a signal to the process group of the command; no effect before its start and after its end. */
VAGENT_API void vagent_session_signal(struct vagent_session *s, int signo);
/* Sets the size of the command's terminal; no effect before its start and after its end. */
VAGENT_API void vagent_session_resize(struct vagent_session *s, unsigned int rows, unsigned int columns);

/*
 * Tells whether the guest has closed its ports, and the streams have all output that it sent before. The session does
 * not end by this, as the owner of the machine has the reason.
 */
VAGENT_API bool vagent_session_is_lost(const struct vagent_session *s);

/* Tells whether the command has been started, and the session has not ended. */
VAGENT_API bool vagent_session_is_started(const struct vagent_session *s);

/*
 * Returns the exit status of the session. *why receives a sentence for a status that is not the
 * command's own, or is empty. -EAGAIN: the session has not ended.
 */
VAGENT_API int vagent_session_status(const struct vagent_session *s, struct vsu_error *why) VSU_NODISCARD;

/* Sets *end to the kind of the session's end. -EAGAIN: the session has not ended. */
VAGENT_API int vagent_session_end(const struct vagent_session *s, struct vagent_end *end) VSU_NODISCARD;

VSU_END_DECLS

#endif

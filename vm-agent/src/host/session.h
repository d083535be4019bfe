/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One command in a guest, seen from the host: its request, its streams, and its end. The guest has
 * the other end of each port (agent/agent_protocol.h), and is not trusted: messages are bounded, checked,
 * and accepted in their order only; any other ends the session.
 *
 *	vmm_session_new()
 *	vmm_session_port()       the guest's ends, for a console device
 *	vmm_session_dispatch()   when vmm_session_fd() is readable, until it returns false
 *	vmm_session_status()
 *
 * No call blocks, except for a write to a file of the caller whose file system does.
 *
 * Threads: confined.
 */
#ifndef VMM_EXEC_SESSION_H
#define VMM_EXEC_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "init/agent_protocol.h"
#include "host/end.h"

/* Statuses beside those of the command, as of timeout(1), env(1) and shells. */
#define VMM_SESSION_FAILED VAGENT_FAILED
#define VMM_SESSION_SIGNALLED VAGENT_SIGNALLED	/* and the signal */

struct vmm_session;

struct vmm_session_config {
	/* records, copied; see vmm_request_* of request.h. NULL: the session ends, with 0, when the
	   agent waits for a request, so that the machine can be saved as a template. */
	const char *request;
	uint32_t request_len;
	int in, out, err;	/* of the caller, borrowed; -1: no input, or output is discarded */
	uint64_t timeout_ms;	/* from now on; 0: none */
	bool clone;		/* of a template: the agent waits already */
	/* Without a request: the session waits for vmm_session_request() when the agent does. The
	   timeout is that of the agent. */
	bool waits;
};

int vmm_session_new(struct vmm_session **out, const struct vmm_session_config *config,
		    struct vsu_error *err);
void vmm_session_free(struct vmm_session *s);

/* The guest's end of a port, a socket of the session, which lives until it is closed. */
int vmm_session_port(const struct vmm_session *s, enum vmm_agent_port port);
/* After the machine has duplicated the ports. */
void vmm_session_close_ports(struct vmm_session *s);

/* Readable when dispatch has work; owned by the session. */
int vmm_session_fd(const struct vmm_session *s);
/* False: the session has ended, so the machine may be ended. */
bool vmm_session_dispatch(struct vmm_session *s);

/*
 * The command of a session that waits: request, streams and timeout; the rest is not used. -EAGAIN:
 * it does not wait. After -EBADF, -ENOMEM, -ENOSPC and similar, of a stream, it waits as before,
 * unless vmm_session_waits() is false: then the session has ended.
 */
int vmm_session_request(struct vmm_session *s, const struct vmm_session_config *command,
			struct vsu_error *err) VSU_NODISCARD;
bool vmm_session_waits(const struct vmm_session *s);

/* For the command; without effect before it is started and after its end. */
void vmm_session_signal(struct vmm_session *s, int signo);
void vmm_session_resize(struct vmm_session *s, unsigned int rows, unsigned int columns);

/* Whether the command has been started. */
bool vmm_session_is_started(const struct vmm_session *s);

/*
 * The exit status of the session. *why receives a sentence for a status that is not the command's
 * own, or is empty. -EAGAIN: it has not ended.
 */
int vmm_session_status(const struct vmm_session *s, struct vsu_error *why);

/* Likewise the kind of its end, without a sentence. */
int vmm_session_end(const struct vmm_session *s, struct vagent_end *end);

#endif

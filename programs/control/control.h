/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Commands for a running machine over a UNIX socket: one line per request, one
 * line of JSON per reply, several clients at a time, any number of requests
 * each.
 *
 *   request  words separated by spaces: "status", "resize balloon 512M"
 *   reply    {"ok":true}, with further members depending on the command, or
 *            {"ok":false,"error":"a sentence"}
 *
 * A client can attach descriptors to a line, which words of a few commands name. They
 * are closed when the command returns.
 *
 * A client is disconnected if it sends a line that is too long, a byte of zero
 * or an incomplete last line, or does not read its replies. If all places are
 * occupied, a new client replaces one: of the process with the most connections
 * the one that has been silent for longest. Clients that wait for a reply or have
 * subscribed are never replaced; if all do, the new client is refused.
 * Disconnected clients receive the reason. Every client may send every command.
 *
 * A client that subscribes receives events between its replies:
 *
 *   event    {"event":"reset"}, with further members depending on the event
 *
 * The socket's buffer is the queue; a client whose buffer is full is
 * disconnected.
 *
 * A reply may be deferred until the requested operation is complete. The
 * client's next lines wait until then. A client that disconnects does not
 * cancel the operation.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_H
#define VMM_CONTROL_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/loop.h>

#include "control/line.h"
#include "control/passed.h"
#include "control/reply.h"

#define VMM_CONTROL_CLIENTS 8u
#define VMM_CONTROL_SUBSCRIBERS 4u /* the other places remain for commands */

struct vmm_control;
struct vmm_deferred;

struct vmm_control_config {
	struct vsu_loop *loop;
	void *owner;		/* of log and closer */
	/* Receives a line for the operator; or NULL. */
	void (*log)(void *opaque, enum cvmm_log_level level, const char *cause, const char *text);
	vmm_closer_fn closer;	/* of descriptors that clients send; or NULL */
	const char *path;	/* the socket to create; NULL: fd */
	int fd;			/* a listening socket of the program that started this one; duplicated */
	struct vmm_command_table commands; /* its machine is set before the loop's first turn */
	/* Clients listen to events from now on, or no longer; or NULL. opaque: that of commands. */
	void (*listen)(void *opaque, bool listens);
	/*
	 * The client of the reply no longer waits: true if vmm_deferred_answer() is not called for it
	 * any more, false if it is being called at this moment.
	 */
	bool (*forget)(void *opaque, const struct vmm_deferred *deferred);
};

/* Everything that config refers to, except the path, is used until vmm_control_free(). */
int vmm_control_new(const struct vmm_control_config *config, struct vmm_control **out,
		    struct vsu_error *err);

/* Descriptors of the line being executed (passed.h); NULL: none. */
struct vmm_passed *vmm_control_passed(const struct vmm_control *control);

/*
 * Defers the reply of the command being executed: pass vmm_deferred_answer() and the result to a
 * request of the machine, and what that returns to vmm_deferred_begin(). write adds the members of
 * the reply; or NULL. NULL: no memory.
 */
struct vmm_deferred *vmm_control_defer(const struct vmm_control *control, vmm_reply_fn write);

/*
 * The client of the command being executed receives events from now on. -EBUSY:
 * too many others do.
 */
int vmm_control_subscribe(struct vmm_control *control, struct vsu_error *err);

/* Whether a client listens to events. control may be NULL. */
bool vmm_control_is_heard(const struct vmm_control *control);

/*
 * Sends the line of an event to all clients that listen; NULL: there was no memory for it, and they
 * are disconnected. control may be NULL. Allowed inside a command.
 */
void vmm_control_publish(struct vmm_control *control, const char *json);

void vmm_control_free(struct vmm_control *control);

#endif

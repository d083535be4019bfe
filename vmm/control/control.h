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

#include "config/topic.h"
#include "control/reply.h"
#include "cvmm/events.h"

#define VMM_CONTROL_CLIENTS 8u
#define VMM_CONTROL_SUBSCRIBERS 4u /* the other places remain for commands */
#define VMM_CONTROL_LINE 8192u	/* maximum length of a request, including its end */
#define VMM_CONTROL_WORDS 64u	/* as long as an address exec: with a command */

/*
 * Executes a command; words[0] is its name. Text written to answer is appended
 * to the JSON object as further members, each with a comma before it. On a
 * negative errno nothing was changed, and the text is dropped. If
 * vmm_control_wait()'s result is returned, the reply follows later, and the
 * text is dropped too.
 */
typedef int (*vmm_control_fn)(void *opaque, char *const *words, FILE *answer,
			      struct vsu_error *err);

struct vmm_passed;

struct vmm_control_command {
	const char *name;
	const char *args;	/* "DEVICE SIZE"; NULL: no arguments */
	unsigned int nargs, nargs_max;	/* minimum and maximum */
	/* Reads the words, and calls request. NULL: without words, request does all. */
	vmm_control_fn fn;
	const char *help;	/* one line for people */
	enum vmm_topic topic;	/* narrower than VMM_TOPIC_CONTROL, or VMM_TOPIC_NONE */
	bool passes;		/* descriptors may come with its line */
	bool waits;		/* its reply may be deferred; timeout= before the arguments limits it */
	/* Before fn, or NULL: a negative errno if the command is not allowed now. */
	int (*check)(void *opaque, const char *name, struct vsu_error *err);
	/* Called by fn, with the argument of the command; result as fn. NULL: fn does all. */
	int (*request)(void *opaque, const void *argument, FILE *answer, struct vsu_error *err);
};

struct vmm_control;
struct vmm_control_end;
struct vmm_closer;
struct vmm_log;

struct vmm_control_config {
	struct vsu_loop *loop;
	const struct vmm_log *log;	/* or NULL */
	const struct vmm_closer *closer; /* of descriptors that clients send; or NULL */
	const struct vmm_control_end *end; /* NULL: only vmm_control_call() is used */
	const struct vmm_control_command *commands; /* ends with a row without a name */
	void *opaque;		/* of commands */
	/* Receives each event, with the line that subscribers receive as json; or NULL. */
	void (*event)(void *opaque, const struct cvmm_event *event);
	void *event_opaque;
};

/* All that config refers to, except its end, is used until vmm_control_free(). */
int vmm_control_new(const struct vmm_control_config *config, struct vmm_control **out,
		    struct vsu_error *err);

/* Descriptors of the line being executed (passed.h); NULL: none. */
struct vmm_passed *vmm_control_passed(const struct vmm_control *control);

/*
 * Defers the reply of the command being executed until vmm_control_answer() is
 * called with the same subject, or the command's timeout= has passed.
 */
int vmm_control_wait(struct vmm_control *control, const void *subject);

/*
 * Replies to all clients and calls that wait for the subject: with numbers, which may be
 * NULL, or with the error if err is not NULL. Returns how many there were.
 */
unsigned int vmm_control_answer(struct vmm_control *control, const void *subject,
				const struct vmm_reply_number *numbers,
				const struct vsu_error *err);

/*
 * The client of the command being executed receives events from now on. -EBUSY:
 * too many others do.
 */
int vmm_control_subscribe(struct vmm_control *control, struct vsu_error *err);

/* Whether events are received by anybody. */
bool vmm_control_is_heard(const struct vmm_control *control);

/*
 * Sends the line of an event to all subscribers, and with the record to the owner. json NULL:
 * there was no memory for it; subscribers are disconnected. control may be NULL. Allowed inside a
 * command and inside a device's code.
 */
void vmm_control_publish(struct vmm_control *control, const struct cvmm_event *record,
			 const char *json);

/* The answer to a call: why is NULL, or the error; line is the reply, without a newline. */
typedef void (*vmm_call_fn)(void *opaque, const struct vsu_error *why, const char *line);

/*
 * Executes the command words[0] for this program; a NULL ends the words. fds are borrowed,
 * and named as those of a line. answer, or NULL, is called before the return, or when the
 * deferred reply comes, at the latest by vmm_control_free(). On a negative errno it is not
 * called. err is required.
 */
int vmm_control_call(struct vmm_control *control, const char *const *words, const int *fds,
		     unsigned int nfds, vmm_call_fn answer, void *opaque, struct vsu_error *err);

/* A command without its words. */
struct vmm_typed_command {
	const char *command;	/* a row of the table that has a request */
	const void *argument;	/* of the row, during the call */
	const int *fds;		/* borrowed; see vmm_control_passed() */
	unsigned int nfds;
};

/* Likewise, for such a request. */
int vmm_control_call_typed(struct vmm_control *control, const struct vmm_typed_command *command,
			vmm_call_fn answer, void *opaque, struct vsu_error *err);

void vmm_control_free(struct vmm_control *control);

#endif

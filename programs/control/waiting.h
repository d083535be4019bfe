/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A reply that a client awaits until the machine answers its request, or until the time of the
 * command has passed.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_WAITING_H
#define VMM_CONTROL_WAITING_H

#include <vmm-sys-util/loop.h>

#include "control/line.h"
#include "control/reply.h"

struct vmm_deferred;

struct vmm_waiting {
	struct vmm_deferred *deferred;	/* the reply; NULL: none is awaited */
	const char *command;
	uint64_t timeout_ms;
	struct vsu_alarm limit;
	void *opaque;		/* the client */
	/* Set before vmm_waiting_init(): */
	struct vsu_loop *loop;
	bool (*forget)(void *commands, const struct vmm_deferred *deferred); /* see control.h */
	void *commands;
};

/*
 * An answer that the machine owes to the command of a client, and that becomes its reply. It is freed
 * with the answer, or when the client no longer waits; but while the answer is being sent, it outlives
 * the client, and the control.
 */
struct vmm_deferred {
	struct vmm_waiting *waiting;	/* of the client; NULL: it no longer waits */
	vmm_reply_fn write;
	/* Sends the reply to the client. */
	void (*send)(void *client, vmm_reply_fn write, const struct cvmm_answer *answer,
		     const struct vsu_error *why);
	enum {
		VMM_DEFERRED_CALLED,	/* in the function of the command, which has not returned */
		VMM_DEFERRED_ANSWERED,	/* before that function returned, with answer */
		VMM_DEFERRED_AWAITED,	/* the function has returned: the client waits */
	} state;
	struct cvmm_answer answer;
};

/* expired is called once if the reply does not come in time. */
void vmm_waiting_init(struct vmm_waiting *w, void (*expired)(void *opaque), void *opaque);

/* Called after the command, whose reply is deferred. */
void vmm_waiting_begin(struct vmm_waiting *w, const struct vmm_line_terms *terms);
/* Drops the answer of an awaited reply, after its client has gone. No effect unless one is awaited. */
void vmm_waiting_end(struct vmm_waiting *w);

/* A cvmm_answer_fn: sends the reply if its client still waits. Also after vmm_control_free(). */
void vmm_deferred_answer(void *deferred, const struct vsu_error *why,
			 const struct cvmm_answer *answer);

/* rc: of the request, 0 or a negative errno. Returns the result of the command. */
int vmm_deferred_begin(struct vmm_deferred *deferred, int rc, FILE *answer);

/* Ends it, with the error that replaces the reply. */
void vmm_waiting_expire(struct vmm_waiting *w, struct vsu_error *why);

#endif

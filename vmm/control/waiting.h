/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A reply that is awaited, and the time after which its client is told that it waits in vain.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_WAITING_H
#define VMM_CONTROL_WAITING_H

#include <vmm-sys-util/loop.h>

#include "control/line.h"

struct vmm_waiting {
	const void *subject;	/* of the reply, or NULL: none is awaited */
	const char *command;
	uint64_t timeout_ms;
	struct vsu_alarm limit;
};

/* expired is called once if the reply does not come in time. */
void vmm_waiting_init(struct vmm_waiting *w, void (*expired)(void *opaque), void *opaque);

/* After the command, which has set the subject. */
void vmm_waiting_begin(struct vmm_waiting *w, struct vsu_loop *loop,
		       const struct vmm_line_terms *terms);
void vmm_waiting_end(struct vmm_waiting *w);

/* Ends it, with the error that replaces the reply. */
void vmm_waiting_expire(struct vmm_waiting *w, struct vsu_error *why);

#endif

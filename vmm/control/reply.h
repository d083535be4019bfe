/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Lines that are sent to clients: at once and completely, or the client is to be
 * disconnected.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_REPLY_H
#define VMM_CONTROL_REPLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>

/* A line in memory. After open, send or drop it. */
struct vmm_reply {
	FILE *to;	/* write the line to it */
	char *bytes;
	size_t len;
};

/* False: no memory. */
bool vmm_reply_open(struct vmm_reply *reply);

/* True: sent completely, or empty. Frees the line in any case. */
bool vmm_reply_send(struct vmm_reply *reply, int sock);

void vmm_reply_drop(struct vmm_reply *reply);

/*
 * Ends the line. NULL: no memory. The text is reply->bytes, which the caller frees in any
 * case.
 */
const char *vmm_reply_text(struct vmm_reply *reply);

/* Begin of the reply to a command that succeeds; its members and a bracket follow. */
#define VMM_REPLY_OK "{\"ok\":true"

/* A number of a reply. Lists end with a key of NULL. */
struct vmm_reply_number {
	const char *key;
	uint64_t value;
};

/* {"ok":true} with the numbers, which may be NULL, or {"ok":false} with the sentence of err. */
void vmm_reply_put(struct vmm_reply *reply, const struct vmm_reply_number *numbers,
		   const struct vsu_error *err);

/* Sends that. */
bool vmm_reply_send_result(int sock, const struct vmm_reply_number *numbers,
			   const struct vsu_error *err);

#endif

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
#include <stdio.h>

#include <vmm-sys-util/attributes.h>
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

bool vmm_reply_print(int sock, const char *fmt, ...) VSU_PRINTF(2, 3);

/*
 * Ends the line. NULL: no memory. The text is reply->bytes, which the caller frees in any
 * case.
 */
const char *vmm_reply_text(struct vmm_reply *reply);

/* {"ok":true} with members, each with a comma before it, or {"ok":false} with the sentence of err. */
void vmm_reply_put(struct vmm_reply *reply, const char *members, const struct vsu_error *err);

/* Sends {"ok":false} with the sentence of err. */
bool vmm_reply_refuse(int sock, const struct vsu_error *err);

#endif

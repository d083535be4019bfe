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

#include <cvmm/requests.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/text.h>

/* Closes a line and sends it. True: sent completely, or empty. Frees it in any case. */
bool vmm_reply_send(struct vsu_text *line, int sock);

/* Begin of the reply to a command that succeeds; its members and a bracket follow. */
#define VMM_REPLY_OK "{\"ok\":true"

/* Writes what the answer to a request has as members. */
typedef void (*vmm_reply_fn)(const struct cvmm_answer *answer, struct vsu_json *to);

/*
 * Sends {"ok":true} with the members that write adds, or {"ok":false} with the sentence of err. write
 * may be NULL.
 */
bool vmm_reply_send_result(int sock, vmm_reply_fn write, const struct cvmm_answer *answer,
			   const struct vsu_error *err);

#endif

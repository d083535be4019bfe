/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The source until the destination has made its machine: connections, the command line,
 * the description of the machine, and shared memory.
 *
 * Threads: the sender's.
 */
#ifndef VMM_MIGRATION_SENDER_HANDSHAKE_H
#define VMM_MIGRATION_SENDER_HANDSHAKE_H

#include "migration/sender.h"

/* Until "ready". */
int vmm_sender_shake_hands(struct vmm_sender *s, struct vsu_error *err);

/* A section with that content. */
int vmm_sender_send_blob(struct vmm_sender *s, const char *name,
			 const struct vmm_state_writer *w, struct vsu_error *err);

#endif

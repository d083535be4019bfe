/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * passt, an installed program that connects a guest to the host's network without privileges: each
 * connection of the guest becomes a socket of passt, which confines itself.
 *
 * passt serves one socket of this process and ends when that is closed. If passt does not end,
 * another process kills it (child/leash.h).
 *
 * Threads: the main thread, before others are started.
 */
#ifndef VMM_COMMON_PASST_H
#define VMM_COMMON_PASST_H

#include <vmm-sys-util/error.h>

#include "child/leash.h"
#include "common/exec_network.h"

/* The maximum that passt takes: few and large frames. */
#define VMM_PASST_MTU 65520

/* Bytes of the value for its card. */
#define VMM_PASST_CARD 96

struct vmm_passt {
	int fd;			/* the card's end, -1: not started */
	int messages;		/* what it prints */
	struct prog_leash leash;
};

#define VMM_PASST_INIT { .fd = -1, .messages = -1, .leash = PROG_LEASH_INIT }

/*
 * Starts passt, and waits for its answer to a frame. -ENOPKG: not installed; -EADDRINUSE, -EACCES: a
 * port cannot be published; -EREMOTEIO: passt ended, and err has its last line, or does not answer.
 */
int vmm_passt_start(struct vmm_passt *p, const struct vmm_exec_network *n, struct vsu_error *err);
/* The value of a machine's option --net for its card: "fd=7,...". */
void vmm_passt_card(const struct vmm_passt *p, const struct vmm_exec_network *n, char card[VMM_PASST_CARD]);
void vmm_passt_end(struct vmm_passt *p);

#endif

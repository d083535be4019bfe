/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine with a name in the process that runs it: the command that it was made for, and those of clients, which are
 * processes of this user ("cvmm exec --in"; pool_wire.h). Commands share the root, the mounts and the network of the first
 * one, and end with it.
 *
 * A client cannot delay the others: it waits for this process, which never waits for it. Its streams are
 * sockets, since others could block this process, and the loss of its connection kills its command.
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_NAMED_H
#define VMM_EXEC_NAMED_H

#include <stdbool.h>

#include <vm-agent/end.h>
#include <vm-agent/protocol.h>
#include <vmm-sys-util/error.h>

struct cvmm_exec_parts;
struct vmm_exec_options;
struct vmm_named;

/*
 * Listens for clients of the machine of a shared plan with these parts, before the process is confined. streams: those
 * of the first command. Errors of vmm_named_listen().
 */
int vmm_named_new(struct vmm_named **out, const struct cvmm_exec_parts *parts, const int streams[VAGENT_STREAMS],
		  const struct vmm_exec_options *o, struct vsu_error *err);
/* Called before the plan is freed; n may be NULL. */
void vmm_named_free(struct vmm_named *n);

/* A descriptor that is readable when vmm_named_turn() has work. */
int vmm_named_fd(const struct vmm_named *n);
/* Serves the guest and the clients once. False: the first command or the guest has ended. */
bool vmm_named_turn(struct vmm_named *n);

/* The first command: */
bool vmm_named_is_started(const struct vmm_named *n);
bool vmm_named_has_ended(const struct vmm_named *n);
void vmm_named_signal(struct vmm_named *n, int signo);
void vmm_named_resize(struct vmm_named *n, unsigned int rows, unsigned int columns);
/* -EAGAIN: the command has not ended; the machine has. */
int vmm_named_get_end(const struct vmm_named *n, struct vagent_end *end, struct vsu_error *why);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How a command ended, and the status by which a program reports each kind.
 *
 * Threads: pure functions.
 */
#ifndef VM_AGENT_END_H
#define VM_AGENT_END_H

#include <vm-agent/attributes.h>

VSU_BEGIN_DECLS

/* Statuses for other ends than the exit of the command, as of timeout(1), env(1) and shells. */
#define VAGENT_STATUS_TIMEOUT 124
#define VAGENT_STATUS_FAILED 125
#define VAGENT_STATUS_NOT_EXECUTED 126
#define VAGENT_STATUS_NOT_FOUND 127
#define VAGENT_STATUS_SIGNALLED 128	/* plus the number of the signal */

/* Kinds of ends, and the value of each. The untrusted guest reports STATUS, SIGNAL, MEMORY and NOT_*. */
enum vagent_end_kind {
	VAGENT_END_STATUS,	/* the command exited: its exit status, 0 to 255 */
	VAGENT_END_SIGNAL,	/* a signal ended the command: the number of the signal in the guest */
	VAGENT_END_MEMORY,	/* the guest's kernel killed the command for lack of memory: SIGKILL */
	VAGENT_END_TIME,	/* the command, or the start of its guest, exceeded the time limit: 0 */
	VAGENT_END_NOT_FOUND,	/* the guest has no such program: 0 */
	VAGENT_END_NOT_EXECUTED, /* the guest's kernel refused to execute it: 0 */
	VAGENT_END_KILLED,	/* the owner ended the machine: 0; no session reports it */
	VAGENT_END_STREAM,	/* an output of the owner could not be written: a positive errno */
	VAGENT_END_MACHINE,	/* the machine, its guest or its agent failed: a value of enum vsu_exit */
};

/* Fixed layout. */
struct vagent_end {
	enum vagent_end_kind kind;
	int value;		/* see enum vagent_end_kind */
};

/* Returns the exit status by which timeout(1), env(1) and shells report such an end. */
VAGENT_API int vagent_end_status(const struct vagent_end *e) VSU_NODISCARD;

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The system calls of a process that runs guests: one filter for the process, and
 * narrower ones for its threads that need few calls.
 */
#ifndef VMM_COMMON_THREAD_CALLS_H
#define VMM_COMMON_THREAD_CALLS_H

#include <stdbool.h>

#include <vmm-sys-util/sock.h>

#include "confine/confine.h"

/* Needs of options, besides those of every machine. */
struct vmm_call_needs {
	bool folder;		/* this process shares a folder, or may share one later */
	bool user;		/* it changes its user */
	const struct vsu_sock_access *sockets; /* that its sockets get; NULL: 0600, own group */
};

/* Rules with the values of options. The plan refers to the struct, which must outlive it. */
struct vmm_socket_calls {
	struct call_rule rules[4];
	struct call_table table;
};

/* The calls of the process, in plan; sockets is filled in if needed. */
void vmm_process_calls(struct confine_plan *plan, const struct vmm_call_needs *needs,
		       struct vmm_socket_calls *sockets);

/*
 * Permits the calls of a process that waits for a source, and then confines itself to the machine
 * that arrives: no program, process or executable mapping, but all that any machine may need.
 */
void vmm_receiving_calls(struct confine_plan *plan, const struct vmm_call_needs *needs,
			 bool jail, struct vmm_socket_calls *sockets);

/* Threads with narrower rights than those of the process. */
enum vmm_thread {
	VMM_THREAD_CPU,		/* runs guest code */
	VMM_THREAD_SIGNALS,
};

/* The calls that a kind of threads makes. */
const struct call_table *vmm_thread_calls(enum vmm_thread thread);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Filters of system calls for processes whose calls are not known. All are permitted except
 * those that reach other processes and hosts.
 *
 * Threads: the filter applies to the calling thread, its later threads and its children.
 */
#ifndef PROGRAMS_DENIED_CALLS_H
#define PROGRAMS_DENIED_CALLS_H

/*
 * Makes calls fail with EPERM in this thread and in programs that are executed later:
 * creation and connection of sockets, creation and entry of namespaces, tracing and
 * signalling of other processes. Connections can still be accepted. Requires no_new_privs.
 * -EOPNOTSUPP: built without filters; otherwise the host's error.
 */
int confine_deny_calls(void);

/*
 * For a process that starts machines or daemons of this project, which require most calls
 * until they confine themselves. The process cannot be traced afterwards, and has
 * no_new_privs. Calls that read or enter other processes, or concern keys and the kernel,
 * fail. Without libseccomp, no call is filtered.
 */
void confine_restrict_parent(void);

#endif

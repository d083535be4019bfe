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
 * From now on, and in programs that are executed, sockets cannot be created or connected,
 * namespaces neither created nor entered, and other processes neither traced nor signalled:
 * these calls fail with EPERM. Connections can be accepted. Requires no_new_privs.
 * -EOPNOTSUPP: built without libseccomp; the host's error.
 */
int confine_deny_calls(void);

/*
 * For a process that starts machines or daemons of this project, which need most calls until they
 * confine themselves. It cannot be traced, sets no_new_privs, and calls fail that read or enter
 * other processes, or concern keys and the kernel. Without libseccomp, no call is filtered.
 */
void confine_restrict_parent(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Process-wide state: standard descriptors, the SIGBUS handler, and signals.
 */
#ifndef PROGRAMS_PROCESS_H
#define PROGRAMS_PROCESS_H

#include <stdbool.h>

#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/thread.h>

/*
 * The first call of a program. name precedes its log lines. Opens /dev/null for
 * each closed descriptor of 0 to 2, so that no file opened later receives the
 * number of a standard stream, and with it log lines. Ends of children have a status, which
 * they have not if the parent of the program ignores SIGCHLD. Connects to the journal and to
 * the service manager that started the program, if there are any.
 */
void prog_begin(const char *name);

/*
 * The last call of a program: returns its exit status. If status is 0 and standard
 * output could not be written, logs that and returns VSU_EXIT_HOST.
 */
int prog_end(int status);

/*
 * Raises the limit of descriptors to the hard limit: a queue uses about six, and a
 * guest may have a thousand sockets.
 */
void prog_raise_fd_limit(void);

/*
 * Installs the SIGBUS handler with a new table for that many mappings, and ignores
 * SIGPIPE and SIGXFSZ. A fault outside the table ends the program, as without a
 * handler.
 */
int prog_handle_signals(unsigned int mappings, struct vmem_sigbus **table,
			struct vsu_error *err);

/*
 * For ev_set_allocator(): libev aborts if an allocation fails, so this function ends
 * the program first, with a message and VSU_EXIT_HOST.
 */
void *prog_loop_memory(void *old, long size);

/*
 * Sets a function that is called for each SIGBUS before the table is consulted. fn
 * returns true if it has handled the signal, and runs in the signal handler, on any
 * thread; siginfo is the siginfo_t.
 */
void prog_ask_first(bool (*fn)(const void *siginfo));

/* Threads that are started later with process_threads() call begin before their function. */
void prog_thread_set_begin(void (*begin)(void *opaque));

/* Passed to vsu_thread_start(). Signals that end the program go to the main thread. */
const struct vsu_threads *process_threads(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The parts of a process that it has once: its standard descriptors, the
 * handler of SIGBUS, signals and the masks of threads.
 */
#ifndef PROGRAMS_PROCESS_H
#define PROGRAMS_PROCESS_H

#include <pthread.h>
#include <stdbool.h>

#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

/*
 * The first call of a program. name stands in front of what it says. Opens
 * /dev/null on those of descriptors 0 to 2 that are closed, so that no file of
 * ours takes the number of a standard stream and gets the lines that are
 * written there.
 */
void prog_begin(const char *name);

/*
 * The last call of a program: its exit status. VSU_EXIT_HOST, with a line about it,
 * when it was content and standard output could not be written.
 */
int prog_end(int status);

/*
 * As many descriptors as the host allows: a queue has about six, and a guest may
 * have a thousand sockets, of which the rest of the program shall not lack.
 */
void prog_raise_fd_limit(void);

/*
 * Handles SIGBUS until the program ends, with a new table of so many mappings
 * for all that is mapped; ignores the signals of writes that fail. A fault
 * outside the table ends the program, as without a handler.
 */
int prog_handle_signals(unsigned int mappings, struct vmem_sigbus **table,
			struct vsu_error *err);

/*
 * For ev_set_allocator(): libev aborts when it is refused memory, so this ends
 * the program first, with a sentence and VSU_EXIT_HOST.
 */
void *prog_loop_memory(void *old, long size);

/*
 * A function that is asked about each SIGBUS before the table is: true when it
 * has dealt with it. It runs in the handler, on any thread; siginfo is the
 * siginfo_t.
 */
void prog_ask_first(bool (*fn)(const void *siginfo));

/*
 * A thread that no signal reaches but those of its own faults and, unless it
 * is 0, the signal besides: signals that end the program are for the main
 * thread. Its stack has 512 KiB.
 */
int prog_thread_start(pthread_t *id, void *(*fn)(void *), void *arg,
		      int besides);

#endif

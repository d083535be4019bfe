/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The keeper: two processes, of which the child works in its confinement, and the parent
 * watches it from outside.
 *
 * The parent forwards signals, removes sockets that the child cannot reach, and ends with
 * the child's status. It has only the standard descriptors, unless it keeps inherited
 * files, at most two capabilities, and a filter that permits only this.
 *
 * SIGTSTP, SIGTTIN and SIGTTOU to the parent, as by Ctrl-Z in a shell, stop both until
 * SIGCONT to the parent. The terminal of the standard input then has the modes that it had before the child changed
 * them. SIGSTOP to the parent alone stops only the parent.
 *
 * Threads: call before any thread is started.
 */
#ifndef PROGRAMS_CONFINE_KEEPER_H
#define PROGRAMS_CONFINE_KEEPER_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

struct confine_keeping {
	const int *forwarded;	/* forwarded signals; ends with 0 */
	const int *ignored;	/* signals that both processes ignore; ends with 0 */
	/*
	 * The forwarded signals stay blocked in the child until it handles them. Otherwise they
	 * end it as by default, although the kernel drops signals without a handler for the
	 * first process of a namespace.
	 */
	bool held;
	bool removes_sockets;
	/*
	 * Inherited files stay open: a supervisor may have locked a PID file for this process, and
	 * closing it would unlock it.
	 */
	bool keeps_files;
	int patience_s;		/* time-out in seconds for the child's end after a signal; 0:
				   none */
};

/*
 * Forks. Returns in the child, which is killed if the parent dies; *leash is for the next two
 * functions. The parent never returns: it exits with the child's status, or by the same
 * signal.
 */
int confine_keeper_fork(const struct confine_keeping *how, int *leash, struct vsu_error *err);

/*
 * Call it in the child again after a change of its user, by which the kernel forgets that
 * the child is to be killed with its parent. No effect without a parent (-1). -ECHILD: the
 * parent has ended.
 */
int confine_keeper_tie(int leash, struct vsu_error *err);

/* Closes these descriptors, if any are open. */
void confine_close_range(unsigned int first, unsigned int last);

/* Names a socket that the parent removes before it forwards a signal, and at its end. */
int confine_keeper_leave_socket(int leash, const struct vsu_sock_path *where);

#endif

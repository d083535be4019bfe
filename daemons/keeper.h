/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Two processes: the child serves in its sandbox, the parent supervises it from
 * outside. The parent forwards signals, removes the socket, which the child
 * cannot reach, and exits with the child's status. If the parent dies, the
 * child is killed.
 *
 * Threads: call before any thread is started.
 */
#ifndef DAEMONS_KEEPER_H
#define DAEMONS_KEEPER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

#include "workers.h"

/*
 * Returns 0 in the child, with *leash for the next two calls. Returns 1 in the
 * parent after the child has ended, with its exit status in *status; if a
 * signal ended the child, the same signal ends the parent. SIGTERM, SIGINT and
 * SIGHUP are blocked in the child until it handles them.
 */
int keeper_fork(int *leash, int *status, struct vsu_error *err);

/*
 * A socket that the parent removes before it forwards a signal, and at its end.
 */
int keeper_leave_socket(int leash, const struct vsu_sock_path *where);

/* Closes the connection to the parent. */
void keeper_close(int *leash);

/*
 * A thread that ends the process ten seconds after begin, unless end is called
 * first: requests to unresponsive host files cannot be interrupted. If not
 * started, end and over are -1.
 */
struct keeper_guard {
	int end, over;
	pthread_t id;
	bool runs;
	uint64_t held_since;	/* nanoseconds; 0: no session is held up */
	bool reported;		/* atomic: the limit was exceeded and logged */
	uint32_t left;		/* number of detached requests at the last call */
};

int keeper_guard_start(struct keeper_guard *g, struct vsu_error *err);
/*
 * is_held: requests to unresponsive files hold up a session now. Returns the
 * milliseconds until the next call, or -1. Logs once when the limit is
 * exceeded; the process then ends without further delay.
 */
int keeper_guard_check(struct keeper_guard *g, bool is_held);
/*
 * The front-end has disconnected: detaches requests from the session, so that
 * the next front-end need not wait for them.
 */
void keeper_guard_detach(struct keeper_guard *g, struct prog_workers *workers);
void keeper_guard_begin(const struct keeper_guard *g);
void keeper_guard_end(struct keeper_guard *g);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Two processes in place of one: the child serves, in its sandbox, and the
 * parent keeps watch outside of it. The parent hands signals on, removes the
 * socket that the child cannot reach any more, and ends as the child ends. A
 * child whose parent is gone is killed.
 *
 * Threads: before there are any.
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
 * 0 in the child, with *leash, which the next two calls take. 1 in the parent,
 * when the child has ended, with its exit status in *status; a child that a
 * signal ended ends the parent by the same. SIGTERM, SIGINT and SIGHUP are
 * blocked in the child: they wait for whoever handles them.
 */
int keeper_fork(int *leash, int *status, struct vsu_error *err);

/* The parent removes this socket in the end, and before it hands a signal on. */
int keeper_leave_socket(int leash, const struct vsu_sock_path *where);

/* The parent hears nothing more of the child. */
void keeper_close(int *leash);

/*
 * A thread that ends the process, ten seconds after begin, unless end is called
 * before: requests wait for the host's files, and nobody can wake them. One that
 * was not started: end and over are -1.
 */
struct keeper_guard {
	int end, over;
	pthread_t id;
	bool runs;
	uint64_t held_since;	/* nanoseconds; 0: nobody is held up */
	bool told;		/* atomic: for as long as that, and it was said */
	uint32_t left;		/* requests, when there were some to leave last */
};

int keeper_guard_start(struct keeper_guard *g, struct vsu_error *err);
/*
 * Whether a session is held up by such requests now: for how long to wait before
 * that is asked again, in milliseconds, or -1. Says it once when it lasts as long;
 * the process has no more time at its end then.
 */
int keeper_guard_look(struct keeper_guard *g, bool is_held);
/*
 * The front-end is gone as well: the next one does not wait for what can be left to
 * the threads that are at it.
 */
void keeper_guard_leave(struct keeper_guard *g, struct prog_workers *workers);
void keeper_guard_begin(const struct keeper_guard *g);
void keeper_guard_end(struct keeper_guard *g);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The end of a daemon whose requests to files of the host do not respond.
 *
 * Threads: the main thread.
 */
#ifndef DAEMONS_GUARD_H
#define DAEMONS_GUARD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/workers.h>
#include <vmm-sys-util/error.h>

/*
 * A thread that ends the process ten seconds after begin, unless end is called
 * first: requests to unresponsive host files cannot be interrupted. If not
 * started, end and over are -1.
 */
struct daemon_guard {
	int end, over;
	pthread_t id;
	bool runs;
	uint64_t held_since;	/* nanoseconds; 0: no session is held up */
	bool reported;		/* atomic: the limit was exceeded and logged */
	uint32_t left;		/* number of detached requests at the last call */
};

int daemon_guard_start(struct daemon_guard *g, struct vsu_error *err);
/*
 * is_held: requests to unresponsive files hold up a session now. Returns the
 * milliseconds until the next call, or -1. Logs once when the limit is
 * exceeded; the process then ends without further delay.
 */
int daemon_guard_check(struct daemon_guard *g, bool is_held);
/*
 * The front-end has disconnected: detaches requests from the session, so that
 * the next front-end need not wait for them.
 */
void daemon_guard_detach(struct daemon_guard *g, struct devkind_workers *workers);
void daemon_guard_begin(const struct daemon_guard *g);
void daemon_guard_end(struct daemon_guard *g);

#endif

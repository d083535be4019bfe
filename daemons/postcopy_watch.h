/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A thread that wakes the others if they wait for guest memory of a front-end that has
 * disconnected (vhost/postcopy.h), or that does not serve pages while the program ends.
 */
#ifndef DAEMONS_POSTCOPY_WATCH_H
#define DAEMONS_POSTCOPY_WATCH_H

#include <pthread.h>

#include <vhost/postcopy.h>
#include <vmm-sys-util/error.h>

struct postcopy_watch {
	struct vhost_user_postcopy_guard *guard; /* NULL: not started */
	const int *stops;	/* atomic: a signal asked the program to end */
	int over;		/* eventfd: the thread ends */
	pthread_t id;
};

/* SIGTERM, SIGINT and SIGHUP must be blocked in no thread but the main one. */
int postcopy_watch_start(struct postcopy_watch *w, const int *stops,
			 struct vsu_error *err);
/* Call it after the session has ended. */
void postcopy_watch_end(struct postcopy_watch *w);

#endif

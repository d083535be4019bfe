/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads that close what peers sent. */
#include <config.h>

#include <pthread.h>

#include "closer.h"
#include "process.h"

#define THREADS 4

static struct vsu_closer *closer;

static void *close_until_end(void *arg)
{
	(void)arg;
	while (vsu_closer_turn(closer) > 0)
		;
	return NULL;
}

struct vsu_closer *prog_closer(void)
{
	return closer;
}

int prog_closer_start(struct vsu_error *err)
{
	int i, rc = vsu_closer_new(&closer, err);
	pthread_t id;

	for (i = 0; i < THREADS && rc >= 0; i++) {
		rc = prog_thread_start(&id, close_until_end, NULL, 0);
		if (rc < 0)
			return vsu_error_sys(err, rc,
					     "cannot start a thread that closes descriptors");
		pthread_detach(id);
	}
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads that close what peers sent, and files that have a server. */
#include <config.h>

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>

#include "closer.h"
#include "log.h"
#include "process.h"

#define THREADS 4

/* For the last files, which a server that answers has let go of by then. */
#define END_MS 1000
#define LOOK_MS 10

static struct vsu_closer *of_peers, *of_files;

static void *close_until_end(void *arg)
{
	while (vsu_closer_turn(arg) > 0)
		;
	return NULL;
}

static int start_threads(struct vsu_closer *closer, struct vsu_error *err)
{
	pthread_t id;
	int i, rc = 0;

	for (i = 0; i < THREADS && rc >= 0; i++) {
		rc = prog_thread_start(&id, close_until_end, closer, 0);
		if (rc < 0)
			return vsu_error_sys(err, rc,
					     "cannot start a thread that closes descriptors");
		pthread_detach(id);
	}
	return rc;
}

struct vsu_closer *prog_closer(void)
{
	return of_peers;
}

int prog_closer_start(struct vsu_error *err)
{
	int rc = vsu_closer_new(&of_peers, err);

	if (rc >= 0)
		rc = start_threads(of_peers, err);
	return rc >= 0 && of_files ? start_threads(of_files, err) : rc;
}

int prog_file_closer(struct vsu_closer **out, struct vsu_error *err)
{
	int rc = 0;

	if (!of_files) {
		rc = vsu_closer_new(&of_files, err);
		if (rc < 0)
			return rc;
		vsu_closer_set_keep(of_files, 0);
		if (of_peers)
			rc = start_threads(of_files, err);
	}
	*out = of_files;
	return rc;
}

void prog_file_closer_end(void)
{
	uint32_t left = 0;
	int ms;

	for (ms = 0; of_files && ms < END_MS; ms += LOOK_MS) {
		left = vsu_closer_waiting(of_files);
		if (!left)
			return;
		poll(NULL, 0, LOOK_MS);
	}
	if (left)
		prog_log(PROG_LOG_WARNING, "not closed", "%" PRIu32 " files that a front-end had open are not closed, since their server does not answer; the kernel keeps this process until it does",
			 left);
}

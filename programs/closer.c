/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads that close descriptors of peers, and files of file servers. */
#include <config.h>

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>

#include <vmm-sys-util/event.h>

#include "closer.h"
#include "log.h"
#include "process.h"

#define THREADS 4

/* Time limit for the last files; a working server releases them sooner. */
#define END_MS 1000
/* Time without progress before a warning is logged. */
#define PATIENCE_MS 10000
#define NS_PER_MS 1000000

#define NOT_CLOSED "%" PRIu32 " files of the shared folder are not closed, because their server does not respond; "
#define REMEDY "umount -f of their mount releases them"

static struct vsu_closer *of_peers, *of_files;
static bool may_start;		/* threads may be started */
static uint32_t nclosed;	/* atomic: files of of_files closed so far */
static bool ending;		/* atomic: the program waits for closes */
static int closed = -1;		/* eventfd: a file was closed */

/* Start of the period without progress, and the count at that time. */
static struct {
	uint64_t since;		/* nanoseconds, or 0 */
	uint32_t nclosed;
	bool reported;
} stuck;

static void signal_closed(void)
{
	/* either this thread sees ending, or the waiter sees this close */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&ending, __ATOMIC_RELAXED))
		vsu_event_signal_own(closed);
}

static void *close_for_peers(void *closer)
{
	while (vsu_closer_turn(closer) > 0)
		signal_closed();
	return NULL;
}

static void *close_files(void *closer)
{
	while (vsu_closer_turn(closer) > 0) {
		__atomic_fetch_add(&nclosed, 1, __ATOMIC_RELAXED);
		signal_closed();
	}
	return NULL;
}

static int start_threads(void *(*fn)(void *), struct vsu_closer *closer,
			 struct vsu_error *err)
{
	pthread_t id;
	int i, rc = 0;

	if (closed < 0)
		closed = vsu_event_new();
	if (closed < 0)
		return vsu_error_sys(err, closed, "cannot make an eventfd");
	for (i = 0; i < THREADS && rc >= 0; i++) {
		rc = vsu_thread_start(process_threads(), &id, fn, closer);
		/* state used by started threads is never freed */
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

int prog_closer_allow(struct vsu_error *err)
{
	if (may_start)
		return 0;
	may_start = true;
	return of_files ? start_threads(close_files, of_files, err) : 0;
}

int prog_closer_start(struct vsu_error *err)
{
	struct vsu_closer *closer;
	int rc = prog_closer_allow(err);

	if (rc < 0 || of_peers)
		return rc;
	rc = vsu_closer_new(&closer, err);
	if (rc >= 0)
		rc = start_threads(close_for_peers, closer, err);
	if (rc >= 0)
		of_peers = closer;
	return rc;
}

static int make_file_closer(struct vsu_error *err)
{
	struct vsu_closer *closer;
	int rc = vsu_closer_new(&closer, err);

	if (rc < 0)
		return rc;
	vsu_closer_set_keep(closer, 0);
	if (may_start)
		rc = start_threads(close_files, closer, err);
	if (rc >= 0)
		of_files = closer;
	return rc;
}

int prog_file_closer(struct vsu_closer **out, struct vsu_error *err)
{
	int rc = of_files ? 0 : make_file_closer(err);

	*out = of_files;
	return rc;
}

int prog_file_closer_look(void)
{
	const uint32_t done = __atomic_load_n(&nclosed, __ATOMIC_RELAXED);
	const uint32_t n = of_files ? vsu_closer_waiting(of_files) : 0;
	const uint64_t now = n ? vsu_now_ns() : 0;
	uint64_t ms;

	if (!n || !stuck.since || done != stuck.nclosed) {
		stuck.since = now;
		stuck.nclosed = done;
		stuck.reported = false;
	}
	if (!n || stuck.reported)
		return -1;
	ms = (now - stuck.since) / NS_PER_MS;
	if (ms < PATIENCE_MS)
		return PATIENCE_MS - (int)ms;
	stuck.reported = true;
	prog_log(VSU_LOG_WARNING, "not closed", NOT_CLOSED "more of them may be refused, and " REMEDY,
		 n);
	return -1;
}

/* Milliseconds until the warning is due. */
static int ms_until(uint64_t end)
{
	const uint64_t now = vsu_now_ns();

	return now < end ? (int)((end - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static uint32_t count_waiting(const struct vsu_closer *closer)
{
	return closer ? vsu_closer_waiting(closer) : 0;
}

/*
 * Waits for at most one second: servers that respond have released their files by then.
 * Others hold up a closing thread, so that the main thread ends.
 */
static void wait_for_last(void)
{
	const uint64_t end = vsu_now_ns() + (uint64_t)END_MS * NS_PER_MS;
	struct pollfd p = { .fd = closed, .events = POLLIN };
	int ms;

	if (of_peers)
		vsu_closer_set_keep(of_peers, 0);
	__atomic_store_n(&ending, true, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	while (count_waiting(of_files) + count_waiting(of_peers) && (ms = ms_until(end))) {
		(void)poll(&p, 1, ms);
		vsu_event_drain(closed, NULL);
	}
}

void prog_closer_end(void)
{
	uint32_t n;

	if (closed < 0)
		return;
	wait_for_last();
	n = count_waiting(of_files);
	if (n)
		prog_log(VSU_LOG_WARNING, "not closed", NOT_CLOSED "the kernel keeps this process until it does, and " REMEDY,
			 n);
	n = count_waiting(of_peers);
	if (n)
		prog_log(VSU_LOG_WARNING, "not closed", "%" PRIu32 " files that the peer of a socket sent are not closed, because their server does not respond; the kernel keeps this process until it does, and " REMEDY,
			 n);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves a device: signals, the loop, and threads for queues that block. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vhost/postcopy.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "closer.h"
#include "daemon.h"
#include "guard.h"
#include "listen.h"
#include "metrics.h"
#include "process.h"
#include "supervisor.h"

/* IOTLB entries for a guest behind an IOMMU: 16 MiB or more. */
#define IOTLB_ENTRIES 4096u

struct queue_thread {
	struct loop *loop;
	uint32_t queue;
	pthread_t id;
};

/*
 * A thread that wakes the others if they wait for guest memory of a front-end that has
 * disconnected (vhost/postcopy.h), or that does not serve pages while the program ends.
 */
struct postcopy_watch {
	struct vhost_user_postcopy_guard *guard; /* NULL: not started */
	const int *stops;	/* atomic: a signal asked the program to end */
	int over;		/* eventfd: the thread ends */
	pthread_t id;
};

struct loop {
	const struct serving *how;
	struct virtdev *dev;
	struct vmem_sigbus *sigbus;
	struct virtdev_vhost_user_server *server;
	struct daemon_listener listener; /* without a path: --fd */
	struct metrics metrics;
	bool stopping, complained;
	int quit;			/* signalled: queue threads end */
	uint32_t nthreads;		/* started threads */
	struct queue_thread *threads;
	struct devkind_workers *workers;
	struct daemon_guard guard;
	struct postcopy_watch watch;
};

/* ------------------------------------------------------ watch of a post-copy */

#define TICK_MS 1000
/* A connected front-end may place pages for this many ticks after a signal. */
#define GRACE 3

/*
 * The handler sets stops if the main thread waits in user space. If that thread waits
 * inside a system call, the signal remains pending.
 */
static bool is_asked_to_stop(const struct postcopy_watch *w)
{
	sigset_t pending;

	if (__atomic_load_n(w->stops, __ATOMIC_RELAXED))
		return true;
	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGTERM) == 1 ||
	       sigismember(&pending, SIGINT) == 1 ||
	       sigismember(&pending, SIGHUP) == 1;
}

static void *watch_session(void *arg)
{
	const struct postcopy_watch *w = arg;
	struct pollfd p[] = {
		{ .fd = w->over, .events = POLLIN },
		{ .fd = vhost_user_postcopy_guard_fd(w->guard), .events = POLLIN },
	};
	int ticks = 0;

	while (poll(p, 2, TICK_MS) >= 0 && !p[0].revents) {
		ticks = is_asked_to_stop(w) ? ticks + !p[1].revents : 0;
		if (p[1].revents || ticks >= GRACE)
			vhost_user_postcopy_guard_release(w->guard);
	}
	return NULL;
}

/* SIGTERM, SIGINT and SIGHUP must be blocked in no thread but the main one. */
static int watch_start(struct postcopy_watch *w, const int *stops,
		       struct vsu_error *err)
{
	int rc = vhost_user_postcopy_guard_new(&w->guard, err);

	if (rc < 0)
		return rc;
	w->stops = stops;
	w->over = rc = vsu_event_new();
	if (rc >= 0)
		rc = vsu_thread_start(process_threads(), &w->id, watch_session, w);
	if (rc >= 0)
		return 0;
	vsu_fd_close(&w->over);
	vhost_user_postcopy_guard_free(w->guard);
	w->guard = NULL;
	return vsu_error_sys(err, rc, "cannot start a thread for --allow-postcopy");
}

/* Called after the session has ended. */
static void watch_end(struct postcopy_watch *w)
{
	if (!w->guard)
		return;
	vsu_event_signal_own(w->over);
	pthread_join(w->id, NULL);
	vsu_fd_close(&w->over);
	vhost_user_postcopy_guard_free(w->guard);
}

static void session_ended(void *opaque, const struct vsu_error *err)
{
	struct loop *l = opaque;

	metrics_session_ended(&l->metrics);
	if (l->stopping)
		return;
	prog_log(err->code == -ECONNRESET ? VSU_LOG_INFO : VSU_LOG_WARNING,
		 "session ended", "session ended: %s", err->msg);
}

/* Front-ends in use do not report why their device fails. */
static void session_refused(void *opaque, uint32_t request, uint32_t ring,
			    const struct vsu_error *err)
{
	struct loop *l = opaque;

	(void)ring;
	l->metrics.refused += request != 0;
	prog_log(VSU_LOG_WARNING, request ? "refused" : "waiting", "%s%s",
		 request ? "refused: " : "", err->msg);
}

static int open_sockets(struct loop *l, struct vsu_error *err)
{
	const struct serving *how = l->how;
	int status;

	l->listener.fd = how->fd;
	status = how->socket_path ?
		 daemon_listen(&l->listener, "socket-path", how->socket_path, &how->access,
			       how->plan, err) :
		 daemon_check_inherited(how->fd, err);
	if (status == VSU_EXIT_OK && how->metrics)
		status = daemon_listen(&l->metrics.listener, "metrics", how->metrics,
				       &how->access, how->plan, err);
	return status;
}

/* The server duplicates the socket. */
static int make_server(struct loop *l, struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config),
		.closer = prog_closer(),
		.served_files = l->how->served_files,
		.iotlb_entries = l->how->iommu_platform ? IOTLB_ENTRIES : 0,
		.postcopy = l->how->rights.postcopy,
		.postcopy_guard = l->watch.guard,
		.poll_max_ns = l->how->poll_max_ns,
		.dev = l->dev,
		.sigbus = l->sigbus,
		.threaded = virtdev_queue_blocks(l->dev),
		.session_ended = session_ended,
		.refused = session_refused,
		.opaque = l,
	};

	return virtdev_vhost_user_server_new(&config, l->listener.fd, &l->server, err);
}

static void *queue_main(void *arg)
{
	struct queue_thread *t = arg;
	struct loop *l = t->loop;

	while (virtdev_vhost_user_server_queue_wait(l->server, t->queue,
						    l->quit, -1) == 0)
		;
	return NULL;
}

/* First waits here: a thread could not report an error. */
static int start_thread(struct queue_thread *t)
{
	int rc = virtdev_vhost_user_server_queue_wait(t->loop->server, t->queue,
						      t->loop->quit, 0);

	return rc < 0 ? rc : vsu_thread_start(process_threads(), &t->id, queue_main, t);
}

static int start_threads(struct loop *l, struct vsu_error *err)
{
	uint32_t i, n = virtdev_get_info(l->dev)->nqueues;
	int rc;

	if (!virtdev_queue_blocks(l->dev))
		return 0;
	rc = daemon_guard_start(&l->guard, err);
	if (rc >= 0)
		rc = devkind_workers_start(l->how->kind->work, process_threads(), l->dev, l->how->rights.facts.workers,
					   &l->workers, err);
	if (rc < 0)
		return rc;
	l->quit = rc = vsu_event_new();
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make an eventfd");
	l->threads = calloc(n, sizeof(*l->threads));
	if (!l->threads)
		return vsu_error_sys(err, -ENOMEM, "threads of %u queues", n);
	for (i = 0; i < n; i++) {
		l->threads[i].loop = l;
		l->threads[i].queue = i;
		rc = start_thread(&l->threads[i]);
		if (rc < 0)
			return vsu_error_sys(err, rc, "cannot start a thread for queue %u", i);
		l->nthreads++;
	}
	return 0;
}

static void end_threads(struct loop *l)
{
	uint32_t i;

	if (l->nthreads)
		vsu_event_signal_own(l->quit);
	for (i = 0; i < l->nthreads; i++)
		pthread_join(l->threads[i].id, NULL);
	free(l->threads);
	vsu_fd_close(&l->quit);
}

/* The device is open already. New files get exactly the requested mode. */
static int leave_host(const struct serving *how, struct vsu_error *err)
{
	int rc = daemon_plan_files(how->plan, &how->rights, err);

	rc = rc < 0 ? rc : confine_execute(how->plan, CONFINE_CLOSE, err);
	if (!rc && !(how->plan->drops & CONFINE_DROP_TRACING))
		confine_permit_tracing();
	if (how->rights.folder)
		umask(0);
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}

/* Signalled when a signal handler has set one of the two flags. */
static int signal_event = -1;
static volatile sig_atomic_t size_check_requested;
static int stop_requested;	/* atomic */

static void on_signal(int number)
{
	const int saved = errno;

	if (number == SIGUSR1)
		size_check_requested = 1;
	else
		__atomic_store_n(&stop_requested, 1, __ATOMIC_RELAXED);
	vsu_event_signal_own(signal_event);
	errno = saved;
}

/* The parent process may have left these signals blocked. */
static int handle_signals(bool can_grow, struct vsu_error *err)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };
	const size_t n = sizeof(numbers) / sizeof(*numbers) - !can_grow;
	struct sigaction action = { .sa_flags = SA_RESTART };
	size_t i;

	signal_event = vsu_event_new();
	if (signal_event < 0)
		return vsu_error_sys(err, signal_event, "cannot make an eventfd");
	signal(SIGUSR1, SIG_IGN);
	action.sa_handler = on_signal;
	sigemptyset(&action.sa_mask);
	for (i = 0; i < n; i++) {
		if (sigaction(numbers[i], &action, NULL) < 0)
			return vsu_error_sys(err, -errno, "cannot handle signals");
		sigaddset(&action.sa_mask, numbers[i]);
	}
	pthread_sigmask(SIG_UNBLOCK, &action.sa_mask, NULL);
	return 0;
}

/* Removes the socket first, so that no client connects any more. */
static void begin_stop(struct loop *l)
{
	daemon_listener_unlink(&l->listener);
	l->stopping = true;
	prog_notify("STOPPING=1");
	if (l->how->kind->keep)
		l->how->kind->keep(l->dev);
	daemon_guard_begin(&l->guard);
}

/* The file behind the device may have grown: updates the device's size. */
static void update_size(const struct loop *l)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (l->how->resize(l->dev, 0, &err) < 0)
		prog_log(VSU_LOG_WARNING, "size", "SIGUSR1: %s", err.msg);
}

static void obey_signals(struct loop *l)
{
	vsu_event_drain(signal_event, NULL);
	if (size_check_requested) {
		size_check_requested = 0;
		update_size(l);
	}
	if (__atomic_load_n(&stop_requested, __ATOMIC_RELAXED))
		begin_stop(l);
}

/* A stop continues until all queues are drained. */
static bool is_over(struct loop *l)
{
	return l->stopping && virtdev_vhost_user_server_stop(l->server) == 0;
}

/* Once: a lost file does not return. */
static void check_device(struct loop *l)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (l->complained || !l->how->kind->check || l->how->kind->check(l->dev, &err) >= 0)
		return;
	l->complained = true;
	prog_log(VSU_LOG_WARNING, "device", "%s", err.msg);
}

/* The earlier of two time-outs; -1: none. */
static int min_timeout(int a, int b)
{
	return b < 0 || (a >= 0 && a < b) ? a : b;
}

static void loop_run(struct loop *l)
{
	const int watched = metrics_watch(&l->metrics, signal_event);
	int rc, ms;

	prog_notify("READY=1");
	do {
		ms = l->stopping ? -1 : daemon_guard_check(&l->guard,
				virtdev_vhost_user_server_is_draining(l->server));
		if (l->guard.reported && virtdev_vhost_user_server_is_disconnected(l->server))
			daemon_guard_detach(&l->guard, l->workers);
		if (!l->stopping)
			ms = min_timeout(ms, prog_file_closer_look());
		ms = min_timeout(ms, prog_watchdog_ms());
		rc = virtdev_vhost_user_server_wait(l->server,
				l->stopping ? -1 : watched, ms);
		if (rc == 1) {
			obey_signals(l);
			metrics_dispatch(&l->metrics);
		}
		check_device(l);
	} while (rc >= 0 && !is_over(l));
}

static void loop_fini(struct loop *l)
{
	end_threads(l);
	virtdev_vhost_user_server_free(l->server);
	devkind_workers_end(l->workers);
	daemon_guard_end(&l->guard);
	watch_end(&l->watch);
	metrics_end(&l->metrics);
	daemon_listener_unlink(&l->listener);
	vsu_fd_close(&signal_event);
}

/* Signals before the socket exists; Landlock before threads start. */
static int loop_init(struct loop *l, struct vsu_error *err)
{
	int rc = handle_signals(l->how->resize, err);
	int status = rc < 0 ? VSU_EXIT_HOST : open_sockets(l, err);

	if (status == VSU_EXIT_OK)
		status = leave_host(l->how, err);
	if (status != VSU_EXIT_OK)
		return status;
	rc = prog_closer_start(err);
	if (rc >= 0 && l->how->served_files)
		vsu_closer_set_keep(prog_closer(), 0);
	if (rc >= 0 && l->how->rights.postcopy)
		rc = watch_start(&l->watch, &stop_requested, err);
	rc = rc < 0 ? rc : make_server(l, err);
	vsu_fd_close(&l->listener.fd);
	rc = rc < 0 ? rc : metrics_start(&l->metrics, err);
	rc = rc < 0 ? rc : start_threads(l, err);
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}

int serve_device(const struct serving *how, struct virtdev *dev,
		 struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	struct loop l = {
		.how = how, .dev = dev, .sigbus = sigbus, .quit = -1,
		.guard = { .end = -1, .over = -1 }, .metrics = METRICS_INIT(dev, how->kind->name),
	};
	int status;

	prog_raise_fd_limit();
	status = loop_init(&l, err);
	/* the last step before the first front-end is served */
	if (status == VSU_EXIT_OK && confine_execute(how->plan, CONFINE_FILTER, err) < 0)
		status = VSU_EXIT_HOST;
	if (status == VSU_EXIT_OK)
		loop_run(&l);
	loop_fini(&l);
	prog_closer_end();
	prog_log_flush();
	return status;
}

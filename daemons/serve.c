/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serving a device: signals, the event loop, and threads for the queues of a
 * device that blocks.
 */
#include <config.h>

#include <errno.h>
#include <ev.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "closer.h"
#include "daemon.h"
#include "process.h"

/* Front-ends that wait while one is served. */
#define BACKLOG 8
/* Pages of a guest behind an IOMMU that are remembered: 16 MiB and more. */
#define IOTLB_ENTRIES 4096u

struct queue_thread {
	struct loop *loop;
	uint32_t queue;
	pthread_t id;
};

struct loop {
	const struct serve *how;
	struct virtdev *dev;
	struct vmem_sigbus *sigbus;
	struct virtdev_vhost_user_server *server;
	struct vsu_sock_path path;	/* what to remove in the end */
	bool have_path;
	struct ev_loop *ev;
	ev_io io;
	ev_signal signals[3];
	bool stopping;
	int quit;			/* readable: queue threads end */
	uint32_t nthreads;		/* that were started */
	struct queue_thread *threads;
};

static int listen_status(int rc)
{
	if (rc == -ENAMETOOLONG || rc == -EINVAL)
		return VSU_EXIT_DATA;
	return rc == -EADDRINUSE || rc == -EBUSY ? VSU_EXIT_BUSY :
	       VSU_EXIT_HOST;
}

static int open_listener(struct loop *l, int *listener, struct vsu_error *err)
{
	*listener = vsu_sock_listen(l->how->socket_path, BACKLOG, err);
	if (*listener < 0) {
		vsu_error_prefix(err, *listener, "--socket-path");
		return listen_status(*listener);
	}
	l->have_path = vsu_sock_path_of(*listener, &l->path) == 0;
	if (l->have_path && l->how->sandbox)
		l->have_path = !sandbox_leave_socket(l->how->sandbox, &l->path);
	return VSU_EXIT_OK;
}

static int check_inherited(int fd, struct vsu_error *err)
{
	if (vsu_sock_is_unix_stream(fd) > 0)
		return VSU_EXIT_OK;
	if (vsu_fd_kind(fd) < 0)
		vsu_error_set(err, -EBADF,
			      "--fd: descriptor %d is not open; the program that starts this one has to leave it open",
			      fd);
	else
		vsu_error_set(err, -ENOTSOCK,
			      "--fd: descriptor %d is not a UNIX stream socket; pass one",
			      fd);
	return VSU_EXIT_DATA;
}

static void session_ended(void *opaque, const struct vsu_error *err)
{
	struct loop *l = opaque;

	if (l->stopping)
		return;
	prog_log(err->code == -ECONNRESET ? PROG_LOG_INFO : PROG_LOG_WARNING,
		 "session ended", "session ended: %s", err->msg);
}

/* Front-ends of the field do not say why their device does nothing. */
static void session_refused(void *opaque, uint32_t request, uint32_t ring,
			    const struct vsu_error *err)
{
	(void)opaque;
	(void)ring;
	prog_log(PROG_LOG_WARNING, request ? "refused" : "waiting", "%s%s",
		 request ? "refused: " : "", err->msg);
}

static int open_socket(struct loop *l, int *fd, struct vsu_error *err)
{
	*fd = l->how->fd;
	return l->how->socket_path ? open_listener(l, fd, err) :
	       check_inherited(*fd, err);
}

/* The server has a duplicate of the socket. */
static int make_server(struct loop *l, int fd, struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config),
		.closer = prog_closer(),
		.served_files = l->how->served_files,
		.iotlb_entries = l->how->iommu_platform ? IOTLB_ENTRIES : 0,
		.postcopy = l->how->postcopy,
		.dev = l->dev,
		.sigbus = l->sigbus,
		.threaded = virtdev_queue_blocks(l->dev),
		.session_ended = session_ended,
		.refused = session_refused,
		.opaque = l,
	};

	return virtdev_vhost_user_server_new(&config, fd, &l->server, err);
}

static void *queue_main(void *arg)
{
	struct queue_thread *t = arg;
	struct loop *l = t->loop;
	struct pollfd fds[2] = {
		{ virtdev_vhost_user_server_queue_fd(l->server, t->queue),
		  POLLIN, 0 },
		{ l->quit, POLLIN, 0 },
	};

	do {
		virtdev_vhost_user_server_queue_dispatch(l->server, t->queue);
		poll(fds, 2, -1);
	} while (!fds[1].revents);
	return NULL;
}

static int start_threads(struct loop *l, struct vsu_error *err)
{
	uint32_t i, n = virtdev_info(l->dev)->nqueues;
	int rc;

	if (!virtdev_queue_blocks(l->dev))
		return 0;
	l->quit = rc = vsu_event_new();
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make an eventfd");
	l->threads = calloc(n, sizeof(*l->threads));
	if (!l->threads)
		return vsu_error_sys(err, -ENOMEM, "threads of %u queues", n);
	for (i = 0; i < n; i++) {
		l->threads[i].loop = l;
		l->threads[i].queue = i;
		rc = prog_thread_start(&l->threads[i].id, queue_main,
				       &l->threads[i], 0);
		if (rc < 0)
			return vsu_error_sys(err, rc,
					     "cannot start a thread for queue %u",
					     i);
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

/* The last step before the first front-end is heard. */
static int confine_all(const struct serve *how, struct vsu_error *err)
{
	int rc = how->user ? confine_user(how->user, err) : 0;

	if (rc < 0)
		return rc == -ENOENT ? VSU_EXIT_DATA : VSU_EXIT_HOST;
	return confine_calls(how->filter, how->calls, err) < 0 ? VSU_EXIT_HOST :
	       VSU_EXIT_OK;
}

/* Goes on as long as queues have to be drained. */
static void try_to_stop(struct loop *l)
{
	if (virtdev_vhost_user_server_stop(l->server) == 0)
		ev_break(l->ev, EVBREAK_ALL);
}

/* The descriptor stays readable while there is more to do. */
static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	struct loop *l = w->data;
	int rc = virtdev_vhost_user_server_dispatch(l->server);

	(void)ev;
	(void)events;
	if (rc < 0)
		ev_break(l->ev, EVBREAK_ALL);
	else if (l->stopping)
		try_to_stop(l);
}

/* The socket goes first, so that nobody connects to an end. */
static void on_signal(struct ev_loop *ev, ev_signal *w, int events)
{
	struct loop *l = w->data;

	(void)ev;
	(void)events;
	if (l->have_path)
		vsu_sock_unlink(&l->path);
	l->have_path = false;
	l->stopping = true;
	try_to_stop(l);
}

static int start_loop(struct loop *l, struct vsu_error *err)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP };
	size_t i;

	ev_set_allocator(prog_loop_memory);
	l->ev = ev_default_loop(0);
	if (!l->ev)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "this host has no event mechanism that libev knows");
	ev_io_init(&l->io, on_io, virtdev_vhost_user_server_fd(l->server),
		   EV_READ);
	l->io.data = l;
	ev_io_start(l->ev, &l->io);
	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		ev_signal_init(&l->signals[i], on_signal, numbers[i]);
		l->signals[i].data = l;
		ev_signal_start(l->ev, &l->signals[i]);
	}
	return 0;
}

static void loop_fini(struct loop *l)
{
	end_threads(l);
	virtdev_vhost_user_server_free(l->server);
	if (l->have_path)
		vsu_sock_unlink(&l->path);
	if (l->ev)
		ev_loop_destroy(l->ev);
}

/* A sandbox is closed before there are threads. */
static int loop_init(struct loop *l, struct vsu_error *err)
{
	int fd, rc = 0, status = open_socket(l, &fd, err);

	if (status != VSU_EXIT_OK)
		return status;
	if (l->how->sandbox)
		rc = sandbox_close(l->how->sandbox, err);
	rc = rc < 0 ? rc : prog_closer_start(err);
	if (rc >= 0 && l->how->served_files)
		vsu_closer_set_keep(prog_closer(), 0);
	rc = rc < 0 ? rc : make_server(l, fd, err);
	vsu_fd_close(&fd);
	rc = rc < 0 ? rc : start_loop(l, err);
	rc = rc < 0 ? rc : start_threads(l, err);
	return rc < 0 ? VSU_EXIT_HOST : VSU_EXIT_OK;
}

int serve_device(const struct serve *how, struct virtdev *dev,
		 struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	struct loop l = {
		.how = how, .dev = dev, .sigbus = sigbus, .quit = -1,
	};
	int status;

	prog_raise_fd_limit();
	status = loop_init(&l, err);
	if (status == VSU_EXIT_OK)
		status = confine_all(how, err);
	if (status == VSU_EXIT_OK)
		ev_run(l.ev, 0);
	loop_fini(&l);
	prog_log_flush();
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The life of a vhost-user server, for programs that have no loop. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "virtio-devices/report.h"
#include "virtio-devices/vhost_user_server.h"

/* Front-ends in the listen queue. */
#define BACKLOG 8

#define NS_PER_S UINT64_C(1000000000)

/* limit of reports that a front-end or guest can cause in a period */
#define MAX_REPORTS 10u
#define PERIOD_NS UINT64_C(10000000000)

/* The owner's report, limited. The device may report on threads of its own. */
struct limited {
	void (*report)(void *opaque, struct virtdev *dev,
		       const struct vsu_error *what);
	void *opaque;
	pthread_mutex_t lock;
	uint64_t since;		/* begin of the period; 0: none */
	unsigned int reported, dropped;	/* number in the period */
};

static void report_dropped(struct limited *l, struct virtdev *dev)
{
	struct vsu_error what;

	vsu_error_set(&what, -ENOSPC, "%u further reports in %u seconds were dropped",
		      l->dropped, (unsigned int)(PERIOD_NS / NS_PER_S));
	l->dropped = 0;
	l->report(l->opaque, dev, &what);
}

static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	struct limited *l = opaque;
	const uint64_t now = vsu_now_ns();

	pthread_mutex_lock(&l->lock);
	if (!l->since || now - l->since >= PERIOD_NS) {
		if (l->dropped)
			report_dropped(l, dev);
		l->since = now;
		l->reported = 0;
	}
	if (l->reported++ < MAX_REPORTS)
		l->report(l->opaque, dev, what);
	else
		l->dropped++;
	pthread_mutex_unlock(&l->lock);
}

static void on_refused(void *opaque, uint32_t request, uint32_t ring,
		       const struct vsu_error *err)
{
	(void)request;
	(void)ring;
	virtdev_report(opaque, err);
}

/* The end of a session is no failure after a hang-up or after a stop of the server. */
static void on_session_ended(void *opaque, const struct vsu_error *err)
{
	if (err->code && err->code != -ECONNRESET && err->code != -ECANCELED)
		virtdev_report(opaque, err);
}

/* Runs until the server fails (negative) or has stopped (0). */
static int server_run(struct virtdev_vhost_user_server *server, int stop_fd)
{
	bool stopping = false;
	int rc;

	for (;;) {
		if (stopping && !virtdev_vhost_user_server_stop(server))
			return 0;
		rc = virtdev_vhost_user_server_wait(server,
						    stopping ? -1 : stop_fd, -1);
		if (rc < 0)
			return rc;
		stopping |= rc == 1;
	}
}

int virtdev_vhost_user_serve(struct virtdev *dev, const char *path,
			     int stop_fd,
			     void (*report)(void *opaque, struct virtdev *dev,
					    const struct vsu_error *what),
			     void *opaque, struct vsu_error *err)
{
	const struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = dev, .opaque = dev,
		.refused = on_refused, .session_ended = on_session_ended,
	};
	struct limited limited = {
		.report = report, .opaque = opaque,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	struct virtdev_vhost_user_server *server = NULL;
	struct vsu_sock_path socket;
	int rc, listener = vsu_sock_listen(path, BACKLOG, err);
	bool have_path;

	if (listener < 0)
		return listener;
	if (report)
		virtdev_set_report(dev, on_report, &limited);
	have_path = vsu_sock_path_of(listener, &socket) == 0;
	rc = virtdev_vhost_user_server_new(&config, listener, &server,
						  err);
	vsu_fd_close(&listener);
	if (rc == 0) {
		rc = server_run(server, stop_fd);
		virtdev_vhost_user_server_free(server);
		if (rc < 0)
			vsu_error_sys(err, rc, "the server of '%s' cannot continue",
				      path);
	}
	if (have_path)
		vsu_sock_unlink(&socket);
	if (report)
		virtdev_set_report(dev, report, opaque);
	if (limited.dropped)
		report_dropped(&limited, dev);
	return rc;
}

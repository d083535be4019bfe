/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "vhost-user-tool trace": shows what a front-end and a back-end send to each other. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "capture.h"
#include "closer.h"
#include "process.h"
#include "tool.h"
#include "trace_line.h"

#define BACKLOG 16

struct trace {
	const struct tool_args *args;
	FILE *capture;			/* NULL: none */
	uint64_t start_ns;		/* of vsu_now_ns() */
	uint64_t start_real_ns;
	unsigned int connection;
	bool fresh;			/* output is not flushed */
	struct exchange exchange;
	uint32_t device;		/* VIRTIO's number; 0: unknown */
};

/* An eventfd, readable after a signal that ends the program. */
static int stop_fd = -1;

static void on_signal(int number)
{
	const int saved = errno;

	(void)number;
	(void)!eventfd_write(stop_fd, 1);
	errno = saved;
}

/* SA_RESTART is not set, so that a signal also ends the wait for a reader of the output. */
static int catch_signals(struct vsu_error *err)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_signal };
	size_t i;

	stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (stop_fd < 0)
		return vsu_error_sys(err, -errno, "cannot make an eventfd");
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	return 0;
}

/* ------------------------------------------------------------------- output */

static void print(struct trace *t, struct trace_line *line)
{
	line->connection = t->connection;
	line->device = t->device;
	if (t->args->json)
		trace_json(stdout, line);
	else
		trace_text(stdout, line);
	t->fresh = true;
}

static void on_event(void *opaque, enum vhost_user_side channel,
		     enum vhost_user_side from, const char *text)
{
	struct trace *t = opaque;
	struct trace_line line = {
		.time_ns = vsu_now_ns() - t->start_ns,
		.channel = channel, .from = from, .event = text
	};

	print(t, &line);
}

/* The first features of a back-end show what its device is. */
static void guess_device(struct trace *t, const struct verdict *v)
{
	if (!t->args->device && t->exchange.features.offered && v->row &&
	    v->row->number == VHOST_USER_GET_FEATURES)
		t->device = tool_device_id(exchange_guess_device(t->exchange.features.offered));
}

static void on_message(void *opaque, const struct relay_message *m)
{
	struct trace *t = opaque;
	struct verdict v;
	struct trace_line line = {
		.time_ns = m->time_ns - t->start_ns,
		.channel = m->channel, .from = m->from, .m = m, .v = &v
	};

	exchange_judge(&t->exchange, m, &v);
	guess_device(t, &v);
	trace_examine(&line);
	print(t, &line);
	if (t->capture)
		capture_message(t->capture, &line,
				t->start_real_ns + line.time_ns);
}

static void on_idle(void *opaque)
{
	struct trace *t = opaque;

	if (!t->fresh)
		return;
	fflush(stdout);
	if (t->capture)
		fflush(t->capture);
	t->fresh = false;
}

static const struct relay_ops ops = {
	.message = on_message, .event = on_event, .idle = on_idle
};

/* -------------------------------------------------------------- connections */

/* The side that connects to the tool; the tool connects to the other one. */
static enum vhost_user_side accepted_side(const struct trace *t)
{
	return t->args->front_end_listens ? VHOST_USER_SIDE_BACKEND :
					    VHOST_USER_SIDE_FRONTEND;
}

static void report_unanswered(struct trace *t)
{
	enum vhost_user_side channel;
	const char *name;
	char text[80];

	while (exchange_unanswered(&t->exchange, &channel, &name)) {
		snprintf(text, sizeof(text), "ended without a reply to %s", name);
		on_event(t, channel, !channel, text);
	}
}

static void serve(struct trace *t, int accepted)
{
	enum vhost_user_side side = accepted_side(t);
	struct vsu_error err;
	int socks[VHOST_USER_SIDES];

	memset(&t->exchange, 0, sizeof(t->exchange));
	t->device = tool_device_id(t->args->device);
	t->connection++;
	socks[side] = accepted;
	socks[!side] = vsu_sock_connect(t->args->copy.file, &err);
	if (socks[!side] < 0) {
		on_event(t, VHOST_USER_SIDE_FRONTEND, side, err.msg);
		vsu_fd_close(&accepted);
		return;
	}
	on_event(t, VHOST_USER_SIDE_FRONTEND, side, "connected");
	relay_run(socks, prog_closer(), stop_fd, &ops, t);
	report_unanswered(t);
	on_event(t, VHOST_USER_SIDE_FRONTEND, side, "disconnected");
}

/* One connection after another; others wait in the backlog. */
static void serve_all(struct trace *t, int listener)
{
	struct pollfd p[] = { { stop_fd, POLLIN, 0 }, { listener, POLLIN, 0 } };
	int accepted;

	while (!p[0].revents && !ferror(stdout) &&
	       !(t->capture && ferror(t->capture))) {
		on_idle(t);
		if (poll(p, 2, -1) < 0 || !p[1].revents)
			continue;
		accepted = vsu_sock_accept(listener);
		if (accepted >= 0)
			serve(t, accepted);
	}
	on_idle(t);
}

static uint64_t real_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

enum vsu_exit tool_trace(const struct tool_args *args, struct vsu_error *err)
{
	struct trace t = { .args = args, .start_ns = vsu_now_ns(),
			   .start_real_ns = real_ns() };
	struct vsu_sock_path where;
	enum vsu_exit status;
	int listener, rc;

	prog_raise_fd_limit();
	if (catch_signals(err) < 0 || prog_closer_start(err) < 0)
		return VSU_EXIT_HOST;
	t.capture = args->pcapng ? tool_create(args->pcapng, err) : NULL;
	if (args->pcapng && !t.capture)
		return VSU_EXIT_INPUT;
	if (t.capture)
		capture_begin(t.capture);
	listener = vsu_sock_listen(args->copy.socket, BACKLOG, err);
	rc = listener < 0 ? listener : vsu_sock_path_of(listener, &where);
	if (rc == 0) {
		serve_all(&t, listener);
		vsu_sock_unlink(&where);
	}
	vsu_fd_close(&listener);
	prog_closer_end();
	status = rc == 0 ? VSU_EXIT_OK : rc == -ENAMETOOLONG ? VSU_EXIT_DATA : VSU_EXIT_HOST;
	return t.capture ? tool_close(t.capture, args->pcapng, status, err) : status;
}

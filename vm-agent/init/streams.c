/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies between ports and the command until it has ended. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init/agent.h"

#define CTRL_D 4

/* One direction of one stream. */
struct flow {
	enum {
		OPEN,
		FLUSHES,	/* the source has ended */
		ENDS,		/* and the bytes are those that end the input of a terminal */
		CLOSED,
	} state;
	int from, to;
	size_t at, have;
	uint64_t total;		/* bytes that were read */
	uint64_t len;		/* of the source, if it is known */
	char bytes[65536];
};

static struct flow in = { .len = UINT64_MAX }, out = { .len = UINT64_MAX }, err = { .len = UINT64_MAX };
static bool ended;		/* the command */
static int status;		/* as of waitpid() */
static bool host_kills;		/* the host has sent SIGKILL */
static struct agent_command *command;

/* ------------------------------------------------------------------- flows */

static void close_flow(struct flow *f)
{
	f->state = CLOSED;
	if (f == &in && f->to >= 0) {
		close(f->to);
		f->to = -1;
	} else if (f != &in && f->from >= 0) {
		close(f->from);
		f->from = -1;
	}
}

/* False: nothing is there now. A port that returns 0 is not open at the host yet. */
static bool fill_flow(struct flow *f)
{
	const ssize_t n = read(f->from, f->bytes, sizeof(f->bytes));

	if (n > 0) {
		f->at = 0;
		f->have = (size_t)n;
		f->total += (uint64_t)n;
	} else if ((n < 0 && (errno == EAGAIN || errno == EINTR)) || f == &in) {
		return false;
	} else {
		f->state = FLUSHES;
	}
	return true;
}

static bool flush_flow(struct flow *f)
{
	const ssize_t n = write(f->to, f->bytes + f->at, f->have);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		f->have = 0;	/* the command has closed its input */
		close_flow(f);
		return true;
	}
	if (n > 0) {
		f->at += (size_t)n;
		f->have -= (size_t)n;
	}
	return n > 0;
}

/* The first Ctrl-D after a part of a line only hands this over. */
static void end_terminal(struct flow *f)
{
	const bool is_partial = f->at && f->bytes[f->at - 1] != '\n';

	memset(f->bytes, CTRL_D, 2);
	f->at = 0;
	f->have = is_partial ? 2 : 1;
	f->state = ENDS;
}

/* One step; false: none is possible now. */
static bool step_flow(struct flow *f)
{
	if (f->state == CLOSED)
		return false;
	if (f->have)
		return flush_flow(f);
	if (f->state == OPEN && f->total >= f->len)
		f->state = FLUSHES;
	if (f->state == OPEN)
		return fill_flow(f);
	if (f == &in && command->terminal && f->state == FLUSHES)
		end_terminal(f);
	else
		close_flow(f);
	return true;
}

static struct pollfd watch_flow(const struct flow *f)
{
	const struct pollfd none = { -1, 0, 0 }, source = { f->from, POLLIN, 0 }, sink = { f->to, POLLOUT, 0 };

	return f->state == CLOSED ? none : f->have ? sink : source;
}

/* ---------------------------------------------------------------- messages */

static void set_size(const char *payload)
{
	uint16_t size[2];
	struct winsize w;

	memcpy(size, payload, sizeof(size));
	memset(&w, 0, sizeof(w));
	w.ws_row = size[0];
	w.ws_col = size[1];
	if (command->terminal)
		ioctl(command->out, TIOCSWINSZ, &w);
}

static uint32_t number_of(const char *payload)
{
	uint32_t number;

	memcpy(&number, payload, sizeof(number));
	return number;
}

static void lose_output(uint32_t port)
{
	if (command->terminal || (port != VAGENT_OUT && port != VAGENT_ERR))
		return;
	out.have = port == VAGENT_OUT ? 0 : out.have;
	err.have = port == VAGENT_ERR ? 0 : err.have;
	close_flow(port == VAGENT_OUT ? &out : &err);
}

static void send_signal(uint32_t signo)
{
	host_kills = host_kills || signo == SIGKILL;
	kill(-command->pid, (int)signo);
}

static void serve_message(void)
{
	struct vagent_header h;
	char *payload = vagent_priv_receive(&h);

	if (h.type == VAGENT_SIGNAL && h.len == 4 && !ended)
		send_signal(number_of(payload));
	else if (h.type == VAGENT_SIZE && h.len == 4)
		set_size(payload);
	else if (h.type == VAGENT_INPUT_END && h.len == 8)
		memcpy(&in.len, payload, sizeof(in.len));
	else if (h.type == VAGENT_OUTPUT_LOST && h.len == 4)
		lose_output(number_of(payload));
	free(payload);
}

/* --------------------------------------------------------------------- end */

/* Orphans become children of the first process. */
static void reap_children(int fd)
{
	struct signalfd_siginfo info;
	pid_t pid;
	int how;

	(void)!read(fd, &info, sizeof(info));
	while ((pid = waitpid(-1, &how, WNOHANG)) > 0)
		if (pid == command->pid) {
			ended = true;
			status = how;
		}
}

/* SIGKILL has no other sign of its sender. */
static enum vagent_cause find_cause(void)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !host_kills && vagent_priv_saw_kills() ?
	       VAGENT_CAUSE_MEMORY : VAGENT_CAUSE_UNKNOWN;
}

static void report_end(void)
{
	const struct {
		struct vagent_ended ended;
		uint32_t cause;
	} m = {
		.ended = {
			.how = WIFSIGNALED(status) ? VAGENT_SIGNALLED : VAGENT_EXITED,
			.status = (uint32_t)(WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status)),
			.out = out.total, .err = err.total,
		},
		.cause = find_cause(),
	};

	sync();
	vagent_priv_send(VAGENT_ENDED, &m, sizeof(m.ended) + (WIFSIGNALED(status) ? sizeof(m.cause) : 0));
	for (;;)
		pause();
}

/* True if the command has ended and all that it wrote is at the host. */
static bool is_drained(const struct flow *f, bool idle)
{
	return f->state == CLOSED || (idle && !f->have);
}

void vagent_priv_serve(struct agent_command *c)
{
	struct pollfd p[5];
	sigset_t child;
	int signals;
	bool moved;

	command = c;
	in.from = vagent_priv_ports[VAGENT_IN];
	in.to = c->in;
	out.from = c->out;
	out.to = vagent_priv_ports[VAGENT_OUT];
	err.from = c->err;
	err.to = vagent_priv_ports[VAGENT_ERR];
	err.state = c->err < 0 ? CLOSED : OPEN;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	for (;;) {
		reap_children(signals);
		moved = step_flow(&in);
		moved = step_flow(&out) || moved;
		moved = step_flow(&err) || moved;
		if (ended && is_drained(&out, !moved) && is_drained(&err, !moved))
			report_end();
		p[0] = (struct pollfd){ signals, POLLIN, 0 };
		p[1] = (struct pollfd){ vagent_priv_ports[VAGENT_CONTROL], POLLIN, 0 };
		p[2] = watch_flow(&in);
		p[3] = watch_flow(&out);
		p[4] = watch_flow(&err);
		if (poll(p, 5, moved ? 0 : -1) > 0 && p[1].revents & POLLIN)
			serve_message();
	}
}

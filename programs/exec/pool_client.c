/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command that a pool executes: asks for a machine, sends the command, and waits. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-agent/flow.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "exec/pool_client.h"
#include "exec/pool_wire.h"
#include "exec/waiting.h"

/* A pool and its machines read at once, unless they are stopped. */
#define PATIENCE_MS 5000

/* Shells do not report that a job that runs is in the foreground. */
#define BACKGROUND_MS 250

struct client {
	struct vmm_exec_machine *machine;
	int fd;
	int signal_fd;
	unsigned int signals;	/* that were passed to the command */
	/*
	 * Input from a terminal is copied by this process: only a process of the terminal's session
	 * stops when it reads in the background.
	 */
	struct vagent_flow input;
	int input_fds[2];	/* -1: the command has standard input itself */
	enum { AWAITS_START, RUNS, ENDED } state;
	int status;		/* of one that has ended */
	struct vmm_pool_packet packet;
};

/* ----------------------------------------------------------------- a machine */

static int wait_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, ms) > 0 ? 0 : -ETIMEDOUT;
}

static bool is_own(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.uid == geteuid();
}

static int greet_pool(const struct client *c)
{
	const uint32_t version = VMM_POOL_VERSION;
	size_t len = 0;
	char *text = vmm_plan_describe(&c->machine->plan, &len), *bytes = NULL;
	int rc = -ENOMEM;

	if (text)
		bytes = realloc(text, sizeof(version) + len);
	if (bytes) {
		memmove(bytes + sizeof(version), bytes, len);
		memcpy(bytes, &version, sizeof(version));
		rc = vmm_pool_send(c->fd, VMM_POOL_HELLO, bytes, sizeof(version) + len, NULL, 0);
		text = bytes;
	}
	free(text);
	return rc;
}

static int connect_pool(struct client *c)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" VMM_TEMPLATE_POOL, c->machine->plan.template.path) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	c->fd = vsu_sock_connect_type(path, SOCK_SEQPACKET, NULL);
	return c->fd < 0 ? c->fd : is_own(c->fd) ? 0 : -EPERM;
}

/* The pool runs, but does not accept the command. */
static int refuse_pool(const struct client *c, const char *why, struct vsu_error *err)
{
	return vsu_error_set(err, -EAGAIN, "the pool of template '%s' is not used: %s",
			     c->machine->plan.template.path, why);
}

static const char *own_reason(const struct vmm_exec_options *o)
{
	return o->network.kind != VMM_EXEC_NET_NONE ? "option --net requires a machine of the command's own" :
	       o->log ? "option --log requires a machine of the command's own" : NULL;
}

static int receive_answer(struct client *c, struct vsu_error *err)
{
	int rc = vmm_pool_receive(c->fd, &c->packet);

	if (rc == -ECONNRESET)
		return refuse_pool(c, "it ended", err);
	if (rc < 0)
		return refuse_pool(c, "it sent an invalid message", err);
	vmm_pool_packet_close(&c->packet);
	if (c->packet.type == VMM_POOL_TAKEN)
		return 0;
	return refuse_pool(c, c->packet.type == VMM_POOL_REFUSED ? c->packet.payload : "it sent an invalid message", err);
}

/* 0: a machine waits for the command. A sentence if a pool runs but has none. */
static int find_machine(struct client *c, const struct vmm_exec_options *o, struct vsu_error *err)
{
	int rc = connect_pool(c);

	if (rc < 0)
		return rc;
	if (own_reason(o))
		return refuse_pool(c, own_reason(o), err);
	rc = greet_pool(c);
	if (rc < 0)
		return refuse_pool(c, rc == -ECONNRESET || rc == -EPIPE ? "it ended" : strerror(-rc), err);
	if (wait_for(c->fd, POLLIN, PATIENCE_MS) < 0)
		return refuse_pool(c, "it does not answer", err);
	return receive_answer(c, err);
}

/* ----------------------------------------------------------------- the command */

static int open_input(struct client *c, struct vsu_error *err)
{
	int rc;

	if (!isatty(STDIN_FILENO))
		return 0;
	rc = vsu_sock_pair(c->input_fds);
	rc = rc < 0 ? rc : vagent_flow_init(&c->input);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot pass the input of the terminal on");
	vagent_flow_set_end(&c->input.from, STDIN_FILENO);
	vagent_flow_set_end(&c->input.to, c->input_fds[0]);
	return 0;
}

static int pick_stream(int opened, int standard)
{
	return opened < 0 ? standard : opened;
}

static int send_records(const struct client *c)
{
	const struct vagent_request *r = &c->machine->command;
	uint32_t at = 0, len;
	int rc = 0;

	while (at < r->len && (!rc || rc == -EAGAIN)) {
		len = r->len - at < VMM_POOL_MAX_RECORDS ? r->len - at : VMM_POOL_MAX_RECORDS;
		rc = vmm_pool_send(c->fd, VMM_POOL_RECORDS, r->records + at, len, NULL, 0);
		at += rc ? 0 : len;
		if (rc == -EAGAIN && wait_for(c->fd, POLLOUT, PATIENCE_MS) < 0)
			return -ETIMEDOUT;
	}
	return rc;
}

static int send_command(struct client *c, const struct vmm_exec_options *o, struct vsu_error *err)
{
	const struct vmm_pool_command command = { .timeout_ms = o->timeout_ms, .len = c->machine->command.len };
	const int fds[VMM_POOL_FDS] = {
		pick_stream(c->input_fds[1], STDIN_FILENO),
		pick_stream(c->machine->out_fd, STDOUT_FILENO), pick_stream(c->machine->err_fd, STDERR_FILENO),
	};
	int rc = vmm_pool_send(c->fd, VMM_POOL_COMMAND, &command, sizeof(command), fds, VMM_POOL_FDS);

	vsu_fd_close(&c->input_fds[1]);
	rc = rc < 0 ? rc : send_records(c);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot send the command to the pool") : 0;
}

/* ------------------------------------------------------------------------ turns */

static void end_client(struct client *c, int status)
{
	c->status = status;
	c->state = ENDED;
}

static void fail_client(struct client *c, const char *why, struct vsu_error *err)
{
	vsu_error_set(err, -ECONNRESET, "%s", why);
	end_client(c, VAGENT_STATUS_FAILED);
}

static void send_size(const struct client *c)
{
	struct winsize w;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w))
		(void)!vmm_pool_send(c->fd, VMM_POOL_SIZE, (uint16_t[]){ w.ws_row, w.ws_col }, 2 * sizeof(uint16_t), NULL, 0);
}

/* The command has the size of when it was sent, and the machine drops sizes before its start. */
static void serve_start(struct client *c)
{
	struct vmm_exec_machine *m = c->machine;

	c->state = RUNS;
	if (!m->on_terminal)
		return;
	m->terminal.in_fd = STDIN_FILENO;
	vsu_terminal_init(&m->terminal);
	send_size(c);
}

static void serve_end(struct client *c, struct vsu_error *err)
{
	const struct vmm_pool_packet *p = &c->packet;
	uint32_t status;

	memcpy(&status, p->payload, sizeof(status));
	if (status > 255) {
		fail_client(c, "the pool sent an invalid status", err);
		return;
	}
	if (p->len > sizeof(status))
		vsu_error_set(err, -ECANCELED, "%s", p->payload + sizeof(status));
	end_client(c, (int)status);
}

static void serve_pool(struct client *c, struct vsu_error *err)
{
	const int rc = vmm_pool_receive(c->fd, &c->packet);

	if (rc == -EAGAIN)
		return;
	if (!rc)
		vmm_pool_packet_close(&c->packet);
	if (!rc && c->packet.type == VMM_POOL_STARTED && c->state == AWAITS_START)
		serve_start(c);
	else if (!rc && c->packet.type == VMM_POOL_ENDED)
		serve_end(c, err);
	else if (rc == -ECONNRESET)
		fail_client(c, "the pool, or the machine of the command, ended before the command did", err);
	else
		fail_client(c, "the pool sent an invalid message", err);
}

static void stop_or_continue(struct client *c, bool stops)
{
	if (stops) {
		vsu_terminal_suspend(&c->machine->terminal);
		vmm_waiting_stop();
	}
	vsu_terminal_resume(&c->machine->terminal);
	if (c->state == RUNS)
		send_size(c);
}

static void serve_signal(struct client *c, struct vsu_error *err)
{
	struct signalfd_siginfo info;

	if (read(c->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH) {
		send_size(c);
	} else if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGCONT) {
		stop_or_continue(c, info.ssi_signo == SIGTSTP);
	} else if (c->state == RUNS && ++c->signals <= VMM_EXEC_MAX_SIGNALS) {
		(void)!vmm_pool_send(c->fd, VMM_POOL_SIGNAL, &info.ssi_signo, sizeof(info.ssi_signo), NULL, 0);
	} else {
		vsu_error_set(err, -EINTR, "ended by signal %u", info.ssi_signo);
		end_client(c, VAGENT_STATUS_SIGNALLED + (int)info.ssi_signo);
	}
}

/* The other end of the socket is the command's input. */
static void serve_input(struct client *c)
{
	(void)vagent_flow_turn(&c->input);	/* poll() calls again */
	if (c->input.state == VAGENT_FLOW_ENDED)
		vsu_fd_close(&c->input_fds[0]);
}

static bool has_input(const struct client *c)
{
	return c->state == RUNS && c->input_fds[0] >= 0 && c->input.state == VAGENT_FLOW_OPEN;
}

enum { POOL, SIGNALS, INPUT, WATCHED };

static void run_turn(struct client *c, struct vsu_error *err)
{
	const bool flushes = c->input.have, has = has_input(c);
	const bool reads = has && (flushes || vsu_terminal_is_foreground(STDIN_FILENO));
	struct vsu_terminal *t = &c->machine->terminal;
	struct pollfd p[WATCHED] = {
		[POOL] = { .fd = c->fd, .events = POLLIN },
		[SIGNALS] = { .fd = c->signal_fd, .events = POLLIN },
		[INPUT] = { .fd = flushes ? c->input_fds[0] : STDIN_FILENO, .events = flushes ? POLLOUT : POLLIN },
	};

	if (!reads)
		p[INPUT].fd = -1;
	if (reads && t->is_used && !t->raw)
		vsu_terminal_resume(t);
	if (poll(p, WATCHED, has && !reads ? BACKGROUND_MS : -1) < 0)
		return;
	if (p[INPUT].revents)
		serve_input(c);
	if (p[POOL].revents)
		serve_pool(c, err);
	if (c->state != ENDED && p[SIGNALS].revents)
		serve_signal(c, err);
}

static void run_command(struct client *c, const struct vmm_exec_options *o, struct vsu_error *err)
{
	int rc = open_input(c, err);

	if (!rc)
		rc = vmm_waiting_signals(&c->signal_fd, err);
	if (!rc)
		rc = send_command(c, o, err);
	if (!rc)
		rc = vmm_waiting_confine(err);
	if (rc < 0)
		end_client(c, VAGENT_STATUS_FAILED);
	while (c->state != ENDED)
		run_turn(c, err);
}

int vmm_pool_client_run(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			struct vsu_error *err)
{
	struct client *c;
	int status = -EAGAIN;

	c = calloc(1, sizeof(*c));
	if (!c)
		return status;
	c->machine = m;
	c->fd = c->signal_fd = c->input_fds[0] = c->input_fds[1] = -1;
	if (!find_machine(c, o, err)) {
		run_command(c, o, err);
		status = c->status;
	}
	vagent_flow_fini(&c->input);
	vsu_fd_close(&c->fd);
	vsu_fd_close(&c->signal_fd);
	vsu_fd_close(&c->input_fds[0]);
	vsu_fd_close(&c->input_fds[1]);
	free(c);
	return status;
}

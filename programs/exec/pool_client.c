/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command in a machine of a pool: asks for the machine, and runs the command by the ports of its agent. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "exec/exec_beside.h"
#include "exec/pool_client.h"
#include "exec/pool_wire.h"
#include "exec/waiting.h"

/* A pool and its machines read at once, unless they are stopped. */
#define PATIENCE_MS 5000

struct client {
	struct vmm_exec_machine *machine;
	int fd;
	int signal_fd;
	bool is_terminated;	/* by the pool, before the command was started */
	bool has_ended;		/* the machine */
	int status;		/* of a machine that has ended */
	struct vmm_pool_packet packet; /* after find_machine(): TAKEN */
};

/* ----------------------------------------------------------------- a machine */

static const char *template_path(const struct client *c)
{
	return cvmm_template_get_info(c->machine->parts->template_of)->path;
}

static int greet_pool(const struct client *c)
{
	const uint32_t version = VMM_POOL_VERSION;
	size_t len = 0;
	char *text, *bytes;
	int rc = vmm_exec_machine_describe(c->machine, &text, &len);

	if (rc < 0)
		return rc;
	rc = -ENOMEM;
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

	if (snprintf(path, sizeof(path), "%s/" CVMM_TEMPLATE_SOCKET, template_path(c)) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	c->fd = vsu_sock_connect_type(path, SOCK_SEQPACKET, NULL);
	return c->fd < 0 ? c->fd : vmm_pool_is_of(c->fd, geteuid()) ? 0 : -EPERM;
}

/* The pool runs, but does not accept the command. */
static int refuse_pool(const struct client *c, const char *why, struct vsu_error *err)
{
	return vsu_error_set(err, -EAGAIN, "the pool of template '%s' is not used: %s",
			     template_path(c), why);
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
	if (c->packet.type == VMM_POOL_TAKEN)
		return 0;	/* with the ports */
	return refuse_pool(c, c->packet.type == VMM_POOL_REFUSED ? c->packet.payload : "it sent an invalid message", err);
}

/* 0: a machine waits for the command. A sentence if a pool runs but has none. */
static int find_machine(struct client *c, const struct vmm_exec_options *o, struct vsu_error *err)
{
	int rc = connect_pool(c);
	struct pollfd answer = { .fd = c->fd, .events = POLLIN };

	if (rc < 0)
		return rc;
	if (own_reason(o))
		return refuse_pool(c, own_reason(o), err);
	rc = greet_pool(c);
	if (rc < 0)
		return refuse_pool(c, rc == -ECONNRESET || rc == -EPIPE ? "it ended" : strerror(-rc), err);
	if (poll(&answer, 1, PATIENCE_MS) <= 0)
		return refuse_pool(c, "it does not answer", err);
	return receive_answer(c, err);
}

/* ----------------------------------------------------------------- the machine */

static void end_client(struct client *c, int status)
{
	c->status = status;
	c->has_ended = true;
}

static void fail_client(struct client *c, const char *why, struct vsu_error *err)
{
	vsu_error_set(err, -ECONNRESET, "%s", why);
	end_client(c, VAGENT_STATUS_FAILED);
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

static void serve_machine(struct client *c, struct vsu_error *err)
{
	const int rc = vmm_pool_receive(c->fd, &c->packet);

	if (rc == -EAGAIN)
		return;
	if (!rc)
		vmm_pool_packet_close(&c->packet);
	if (!rc && c->packet.type == VMM_POOL_TERMINATE)
		c->is_terminated = true;
	else if (!rc && c->packet.type == VMM_POOL_ENDED)
		serve_end(c, err);
	else if (rc == -ECONNRESET)
		fail_client(c, "the pool, or the machine of the command, ended before the command did", err);
	else
		fail_client(c, "the pool sent an invalid message", err);
}

/* ------------------------------------------------------------------------ turns */

enum { MACHINE = VMM_WAITING_OTHERS, WATCHED };

/* The guest may have sent the end of the command before its machine ended. */
static void read_rest(const struct vmm_beside *beside)
{
	struct pollfd session = { .fd = beside->fd, .events = POLLIN };

	while (beside->turn(beside->opaque) && poll(&session, 1, 0) > 0)
		;
}

static void wait_for_end(struct client *c, struct vsu_error *err)
{
	const struct vmm_beside beside = vmm_exec_machine_beside(c->machine);
	struct vagent_session *session = c->machine->session;
	struct pollfd p[WATCHED] = {
		[VMM_WAITING_SIGNALS] = { .fd = c->signal_fd }, [MACHINE] = { .fd = c->fd, .events = POLLIN },
	};

	while (vmm_waiting_turn(&beside, p, WATCHED, err)) {
		if (p[MACHINE].revents)
			serve_machine(c, err);
		if (c->has_ended) {
			read_rest(&beside);
			return;
		}
		if (c->is_terminated && vagent_session_is_started(session)) {
			vagent_session_signal(session, SIGTERM);
			c->is_terminated = false;
		}
	}
}

/* This process is confined before it reads the first byte of the guest. */
static int run_command(struct client *c, struct vsu_error *err)
{
	struct vmm_exec_machine *m = c->machine;
	int rc = vmm_waiting_signals(&c->signal_fd, err);

	if (!rc) {
		c->packet.nfds = 0;
		rc = vagent_session_take_ports(m->session, c->packet.fds, err);
	}
	if (!rc)
		rc = vmm_waiting_confine(err);
	if (rc < 0)
		return VAGENT_STATUS_FAILED;
	wait_for_end(c, err);
	return vmm_exec_machine_status(m, c->status, err);
}

int vmm_pool_client_run(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			struct vsu_error *err)
{
	struct client *c = calloc(1, sizeof(*c));
	int status = -EAGAIN;

	if (!c)
		return status;
	c->machine = m;
	c->fd = c->signal_fd = -1;
	if (!find_machine(c, o, err))
		status = run_command(c, err);
	vmm_pool_packet_close(&c->packet);
	vsu_fd_close(&c->fd);
	vsu_fd_close(&c->signal_fd);
	free(c);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs a further command in a machine with a name. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vm-agent/end.h>
#include <vm-agent/request.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/terminal.h>

#include "exec/copiers.h"
#include "exec/environment.h"
#include "exec/exec_machine.h"
#include "exec/named_client.h"
#include "exec/named_place.h"
#include "exec/pool_wire.h"
#include "exec/waiting.h"

struct client {
	int sock, signal_fd;
	bool on_terminal, started, ended;
	unsigned int signals;	/* that were passed to the command */
	int status;
	struct vsu_error *why;	/* of the end */
	struct vsu_terminal terminal;
	struct vmm_copiers copiers;
	struct vmm_pool_packet packet;
};

/* --------------------------------------------------------------------- request */

/* A relative path begins at the current folder, as those of other options. */
static int find_folder(const struct vmm_exec_options *o, char path[PATH_MAX], struct vsu_error *err)
{
	if (!o->folder || *o->folder == '/')
		return snprintf(path, PATH_MAX, "%s", o->folder ? o->folder : "/") < PATH_MAX ? 0 :
		       vsu_error_set(err, -ENAMETOOLONG, "option --chdir: the path is too long");
	return realpath(o->folder, path) ? 0 : vsu_error_sys(err, -errno, "option --chdir: '%s'", o->folder);
}

static struct winsize size_of_terminal(void)
{
	struct winsize w;

	return !ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_row ? w : (struct winsize){ .ws_row = 24, .ws_col = 80 };
}

static int make_request(struct vagent_request *r, const struct vmm_exec_options *o, bool terminal, struct vsu_error *err)
{
	const struct winsize w = size_of_terminal();
	struct vmm_exec_environment environment;
	char folder[PATH_MAX];
	const struct vagent_command c = {
		.size = sizeof(c), .words = (const char *const *)o->command, .environment = environment.settings,
		.folder = folder, .terminal = terminal, .rows = w.ws_row, .columns = w.ws_col,
		.user = o->user,
	};
	int rc = vmm_exec_environment_make(&environment, o, terminal, err);

	rc = rc < 0 ? rc : find_folder(o, folder, err);
	rc = rc < 0 ? rc : vagent_request_add_command(r, &c, err);
	vmm_exec_environment_free(&environment);
	return rc < 0 ? rc : vagent_request_check(r, err);
}

/* ----------------------------------------------------------------------- turns */

static void end_client(struct client *c, int status, int code, const char *why)
{
	c->status = status;
	c->ended = true;
	if (*why)
		vsu_error_set(c->why, code, "%s", why);
}

static void send_size(struct client *c)
{
	const struct winsize w = size_of_terminal();
	const uint16_t size[] = { w.ws_row, w.ws_col };

	if (c->started && c->on_terminal)
		(void)!vmm_pool_send(c->sock, VMM_POOL_SIZE, size, sizeof(size), NULL, 0);
}

static void begin_command(struct client *c)
{
	c->started = true;
	if (!c->on_terminal)
		return;
	c->terminal.in_fd = STDIN_FILENO;
	vsu_terminal_init(&c->terminal);
	send_size(c);
}

static void serve_end(struct client *c)
{
	const struct vmm_pool_packet *p = &c->packet;
	uint32_t status;

	memcpy(&status, p->payload, sizeof(status));
	if (status > 255)
		end_client(c, VAGENT_STATUS_FAILED, -EPROTO, "the machine sent an invalid status");
	else
		end_client(c, (int)status, -ECANCELED, p->payload + sizeof(status));
}

static bool on_turn(void *opaque)
{
	struct client *c = opaque;
	const int rc = vmm_pool_receive(c->sock, &c->packet);

	if (rc == -EAGAIN)
		return true;
	if (rc < 0)
		end_client(c, VAGENT_STATUS_FAILED, rc, rc == -ECONNRESET ? "the machine ended before the command did, or has no place for another command" : "the machine sent an invalid message");
	else if (c->packet.type == VMM_POOL_STARTED && !c->started)
		begin_command(c);
	else if (c->packet.type == VMM_POOL_ENDED)
		serve_end(c);
	else if (c->packet.type == VMM_POOL_REFUSED)
		end_client(c, VAGENT_STATUS_FAILED, -ECANCELED, c->packet.payload);
	else
		end_client(c, VAGENT_STATUS_FAILED, -EPROTO, "the machine sent an invalid message");
	if (!rc)
		vmm_pool_packet_close(&c->packet);
	return !c->ended;
}

/* The command ends with this connection. */
static bool on_signal(void *opaque, int signo)
{
	struct client *c = opaque;
	const uint32_t number = (uint32_t)signo;

	if (c->started && ++c->signals <= VMM_EXEC_MAX_SIGNALS &&
	    vmm_pool_send(c->sock, VMM_POOL_SIGNAL, &number, sizeof(number), NULL, 0) >= 0)
		return true;
	end_client(c, VAGENT_STATUS_SIGNALLED + signo, -EINTR, "");
	return false;
}

static void on_resize(void *opaque)
{
	send_size(opaque);
}

static void wait_for_end(struct client *c)
{
	const struct vmm_beside beside = {
		.opaque = c, .fd = c->sock, .turn = on_turn, .signal = on_signal, .resize = on_resize,
		.terminal = &c->terminal,
	};
	struct pollfd p[VMM_WAITING_OTHERS] = { [VMM_WAITING_SIGNALS] = { .fd = c->signal_fd } };

	while (vmm_waiting_turn(&beside, p, VMM_WAITING_OTHERS, c->why))
		;
}

/* ------------------------------------------------------------------------- all */

/* Output that was lost is a failure, which the status alone would hide. */
static void finish_output(struct client *c)
{
	int rc;

	vsu_fd_close(&c->sock);
	rc = vmm_copiers_wait(&c->copiers);
	if (rc < 0) {
		vsu_error_sys(c->why, rc, "the output of the command was not written");
		c->status = VAGENT_STATUS_FAILED;
	}
}

static int run_command(struct client *c, const struct vmm_exec_options *o, struct vsu_error *err)
{
	static const int streams[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	struct vagent_request r = { NULL, 0, 0 };
	int rc = make_request(&r, o, c->on_terminal, err);

	rc = rc < 0 ? rc : vmm_waiting_signals(&c->signal_fd, err);
	if (!rc)
		rc = c->sock = vmm_named_connect(o->in, err);
	rc = rc < 0 ? rc : vmm_copiers_start(&c->copiers, streams, c->sock, err);
	rc = rc < 0 ? rc : vmm_waiting_confine(err);
	rc = rc < 0 ? rc : vmm_named_execute(c->sock, &r, c->copiers.ends, err);
	vmm_copiers_close_ends(&c->copiers);
	vagent_request_free(&r);
	if (rc < 0)
		return rc;
	wait_for_end(c);
	vsu_terminal_restore(&c->terminal);
	finish_output(c);
	return 0;
}

int vmm_named_client_run(const struct vmm_exec_options *o, struct vsu_error *err)
{
	struct client *c = calloc(1, sizeof(*c));
	int status = VAGENT_STATUS_FAILED;

	if (!c) {
		vsu_error_set(err, -ENOMEM, "no memory for a command");
		return status;
	}
	*c = (struct client){
		.sock = -1, .signal_fd = -1, .on_terminal = vmm_exec_is_on_terminal(o), .status = status, .why = err,
		.terminal = { .in_fd = -1 }, .copiers = VMM_COPIERS_INIT,
	};
	if (run_command(c, o, err) >= 0)
		status = c->status;
	vmm_copiers_free(&c->copiers);
	vsu_fd_close(&c->sock);
	vsu_fd_close(&c->signal_fd);
	free(c);
	return status;
}

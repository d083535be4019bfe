/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The control socket, its clients, and their lines. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

#include "control/control_private.h"
#include "control/line.h"
#include "control/listener.h"
#include "control/reply.h"

/* Pause after accept() failed. */
#define PAUSE_NS UINT64_C(500000000)

/* ----------------------------------------------------------- the answers */

static bool client_answer(struct client *client, char *line)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_control *c = client->control;
	struct vmm_line_terms terms = { .npassed = c->passed ? c->passed->n : 0 };
	struct vsu_text reply;
	int rc;

	if (vsu_text_open(&reply) < 0)
		return false;
	fputs(VMM_REPLY_OK, reply.to);
	c->served = client;
	rc = vmm_control_execute(&c->config.commands, line, &terms, reply.to, &err);
	c->served = NULL;
	if (rc >= 0 && c->passed)
		vmm_passed_release(c->passed);
	if (client->waiting.deferred)
		vmm_waiting_begin(&client->waiting, &terms);
	if (!rc) {
		fputs("}\n", reply.to);
		return vmm_reply_send(&reply, client->sock);
	}
	vsu_text_drop(&reply);
	return rc > 0 || vmm_reply_send_result(client->sock, NULL, NULL, &err);
}

/* ----------------------------------------------------------- the clients */

/*
 * The client notices at once, and sends nothing more. close() would release descriptors that it
 * has sent and no line has used, and wait for their peers.
 */
static void sock_close(const struct vmm_control *c, int *sock)
{
	int queued = 0;

	(void)!shutdown(*sock, SHUT_RDWR);
	if (ioctl(*sock, FIONREAD, &queued) < 0 || queued)
		vsu_foreign_close(c->config.closer ? c->config.closer(c->config.owner) : NULL, sock);
	else
		vsu_fd_close(sock);
}

static void client_close(struct client *client)
{
	struct vmm_control *c = client->control;

	vsu_io_stop(&client->readable);
	vsu_alarm_stop(&client->more);
	sock_close(c, &client->sock);
	vmm_passed_close(&client->passed);
	vmm_waiting_end(&client->waiting);
	vmm_control_count_subscribers(c);
	vsu_io_start(c->config.loop, &c->connecting);
}

/* Sends the reason and disconnects; returns false: the client does not stay. */
static bool client_lose(const struct client *client, const char *why)
{
	struct vsu_error err;

	vsu_error_set(&err, -EPROTO, "%s", why);
	vmm_reply_send_result(client->sock, NULL, NULL, &err);
	return false;
}

/* Executes a line with len bytes and its newline; these are removed from the buffer. */
static bool line_execute(struct client *client, char *line, size_t len)
{
	const bool passes = client->passed.n && client->passed.end <= len;
	bool stays;

	client->control->passed = passes ? &client->passed : NULL;
	stays = client_answer(client, line);
	client->control->passed = NULL;
	if (passes)
		vmm_passed_close(&client->passed);
	else
		vmm_passed_advance(&client->passed, len);
	return stays;
}

/* The end of the first line that can be executed, or NULL. */
static char *line_end(struct client *client)
{
	return client->waiting.deferred ? NULL : memchr(client->line, '\n', client->len);
}

static bool first_execute(struct client *client, const char *end)
{
	const size_t len = (size_t)(end - client->line);
	char line[VMM_CONTROL_LINE];

	memcpy(line, client->line, len);
	line[len] = '\0';
	client->len -= len + 1;
	memmove(client->line, end + 1, client->len);
	if (memchr(line, '\0', len))
		return client_lose(client, "a line contains a NUL byte");
	return line_execute(client, line, len + 1);
}

/* One line, in order: a reply takes time, and the guest's devices wait. */
static bool client_execute(struct client *client)
{
	const char *end = line_end(client);

	if (end && !first_execute(client, end))
		return false;
	if (line_end(client))
		return true;
	if (client->len == sizeof(client->line))
		return client_lose(client, "received 8 KiB without a complete line, or while a reply is pending");
	return !client->ended || !client->len || client->waiting.deferred ||
	       client_lose(client, "the line is incomplete; expected a newline");
}

/* Returns false. */
static bool refuse_passed(const struct client *client, int code)
{
	if (code == -E2BIG)
		return client_lose(client, "more than 16 descriptors were sent with a line");
	if (code == -EBUSY)
		return client_lose(client, "descriptors were sent before those of an earlier line were used; wait for its reply");
	if (code == -EMSGSIZE || code == -EMFILE)
		return client_lose(client, "descriptors were lost: the limit of open files is reached");
	return false;
}

/* Lines already received are executed even after the client closed its side. */
static bool client_read(struct client *client)
{
	ssize_t n;

	if (client->ended)
		return true;
	n = vmm_passed_receive(&client->passed, client->sock,
			       client->line + client->len,
			       sizeof(client->line) - client->len, client->len);
	if (n < 0)
		return n == -EAGAIN || refuse_passed(client, (int)n);
	client->ended = n == 0;
	client->len += (size_t)n;
	client->heard = ++client->control->turns;
	return true;
}

/* Whether the client stays after a turn. Nothing is read while lines wait. */
static bool client_turn(struct client *client)
{
	struct vsu_loop *loop = client->control->config.loop;

	if (!client_execute(client))
		return false;
	if (line_end(client)) {
		vsu_io_stop(&client->readable);
		vsu_alarm_start(loop, &client->more, 0, 0);
		return true;
	}
	if (client->ended) {
		vsu_io_stop(&client->readable);
		return vmm_client_is_awaiting(client) && !vmm_client_is_gone(client);
	}
	vsu_io_start(loop, &client->readable);
	return true;
}

static void on_readable(void *opaque)
{
	struct client *client = opaque;

	if (!client_read(client) || !client_turn(client))
		client_close(client);
}

static void on_more(void *opaque)
{
	struct client *client = opaque;

	if (!client_turn(client))
		client_close(client);
}

struct vmm_passed *vmm_control_passed(const struct vmm_control *control)
{
	return control ? control->passed : NULL;
}

/* Further lines are handled later: the caller may be inside a device's code. */
static void client_end_wait(void *opaque, vmm_reply_fn write, const struct cvmm_answer *answer,
			    const struct vsu_error *why)
{
	struct client *client = opaque;

	if (vmm_reply_send_result(client->sock, write, answer, why))
		vsu_alarm_start(client->control->config.loop, &client->more, 0, 0);
	else
		client_close(client);
}

static void on_expired(void *opaque)
{
	struct client *client = opaque;
	struct vsu_error why;

	vmm_waiting_expire(&client->waiting, &why);
	client_end_wait(client, NULL, NULL, &why);
}

struct vmm_deferred *vmm_control_defer(const struct vmm_control *control, vmm_reply_fn write)
{
	struct vmm_deferred *d = malloc(sizeof(*d));

	if (d)
		*d = (struct vmm_deferred){
			.waiting = &control->served->waiting, .write = write, .send = client_end_wait,
		};
	return d;
}

/* --------------------------------------------------------- their coming */

static struct client *client_make_room(struct vmm_control *c)
{
	struct client *client = vmm_control_idlest(c);

	if (!client)
		return NULL;
	client_lose(client, "disconnected in favour of another client, because this one was idle for longest; connect again");
	client_close(client);
	return client;
}

/* All other clients wait for replies of their own. */
static void refuse_client(struct vmm_control *c, int sock)
{
	const struct client newcomer = { .control = c, .sock = sock };

	client_lose(&newcomer, "too many clients, and all wait for replies; try again later");
	sock_close(c, &sock);
}

static void client_begin(struct client *client, int sock)
{
	struct vmm_control *c = client->control;

	client->sock = sock;
	client->len = 0;
	client->passed.n = 0;
	client->ended = client->subscribed = false;
	client->process = vmm_control_peer(sock);
	client->heard = ++c->turns;
	client->readable.fd = sock;
	vsu_io_start(c->config.loop, &client->readable);
}

static void on_again(void *opaque)
{
	struct vmm_control *c = opaque;

	vsu_io_start(c->config.loop, &c->connecting);
}

static void on_connecting(void *opaque)
{
	struct vmm_control *c = opaque;
	struct client *client;
	int sock = vsu_sock_accept(c->listener);

	if (sock == -EAGAIN)
		return;
	if (sock < 0) {
		vsu_io_stop(&c->connecting);
		vsu_alarm_start(c->config.loop, &c->again, PAUSE_NS, 0);
		return;
	}
	client = vmm_control_free_place(c);
	if (!client)
		client = client_make_room(c);
	if (client)
		client_begin(client, sock);
	else
		refuse_client(c, sock);
}

/* --------------------------------------------------------------------- life */

static void clients_init(struct vmm_control *c)
{
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		c->clients[i].control = c;
		c->clients[i].sock = -1;
		c->clients[i].passed.closer = c->config.closer;
		c->clients[i].passed.opaque = c->config.owner;
		vsu_io_init(&c->clients[i].readable, on_readable, &c->clients[i], -1, VSU_IO_READ);
		/* after the next poll of all descriptors */
		vsu_alarm_init(&c->clients[i].more, on_more, &c->clients[i]);
		c->clients[i].waiting = (struct vmm_waiting){
			.loop = c->config.loop, .forget = c->config.forget, .commands = c->config.commands.opaque,
		};
		vmm_waiting_init(&c->clients[i].waiting, on_expired, &c->clients[i]);
	}
}

static int control_listen(struct vmm_control *c, struct vsu_error *err)
{
	int rc = vmm_control_listen(c->config.path, c->config.fd, VMM_CONTROL_CLIENTS, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --control");
	c->listener = rc;
	c->has_path = c->config.path && !vsu_sock_path_of(c->listener, &c->path);
	c->connecting.fd = rc;
	vsu_io_start(c->config.loop, &c->connecting);
	return 0;
}

int vmm_control_new(const struct vmm_control_config *config, struct vmm_control **out,
		    struct vsu_error *err)
{
	struct vmm_control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return vsu_error_sys(err, -ENOMEM, "control socket");
	c->config = *config;
	c->listener = -1;
	clients_init(c);
	vsu_io_init(&c->connecting, on_connecting, c, -1, VSU_IO_READ);
	vsu_alarm_init(&c->again, on_again, c);
	rc = control_listen(c, err);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->config.path = NULL;
	*out = c;
	return 0;
}

void vmm_control_free(struct vmm_control *c)
{
	unsigned int i;

	if (!c)
		return;
	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		if (c->clients[i].sock >= 0)
			client_close(&c->clients[i]);
	vsu_io_stop(&c->connecting);
	vsu_alarm_stop(&c->again);
	if (c->has_path)
		vsu_sock_unlink(&c->path);
	vsu_fd_close(&c->listener);
	free(c);
}

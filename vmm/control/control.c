/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The socket of commands, its clients, and their lines. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "control/control.h"
#include "json.h"

/* Before the next try to take a connection, where one failed. */
#define SECONDS_TO_PAUSE 0.5

struct client {
	struct vmm_control *control;
	ev_io readable;
	int sock;		/* -1: the place is free */
	size_t len;		/* of the line so far */
	char line[VMM_CONTROL_LINE];
};

struct vmm_control {
	struct ev_loop *loop;
	const struct vmm_control_command *commands;
	void *opaque;
	int listener;
	bool has_path;
	struct vsu_sock_path path;
	ev_io connecting;
	ev_timer again;		/* after the host had no descriptor */
	struct client clients[VMM_CONTROL_CLIENTS];
};

/* ------------------------------------------------------------ the commands */

static const struct vmm_control_command *
command_find(const struct vmm_control *c, const char *name)
{
	const struct vmm_control_command *command;

	for (command = c->commands; command->name; command++)
		if (!strcmp(command->name, name))
			return command;
	return NULL;
}

static int refuse_name(const struct vmm_control *c, const char *name,
		       struct vsu_error *err)
{
	const char *names[32] = { NULL }, *near;
	unsigned int i;

	for (i = 0; c->commands[i].name && i < 31; i++)
		names[i] = c->commands[i].name;
	near = vsu_nearest(name, names);
	return vsu_error_set(err, -ENOENT,
			     near ? "no command '%s'; did you mean '%s'?"
				  : "no command '%s'; try '%s'",
			     name, near ? near : names[0]);
}

/* Divides the line in place; one word more than there may be is a word, too. */
static unsigned int line_divide(char *line, char *words[VMM_CONTROL_WORDS + 2])
{
	unsigned int n = 0;
	char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);

	for (; word && n <= VMM_CONTROL_WORDS; n++) {
		words[n] = word;
		word = strtok_r(NULL, " \t\r", &rest);
	}
	words[n] = NULL;
	return n;
}

static int line_obey(const struct vmm_control *c, char *line, FILE *answer,
		     struct vsu_error *err)
{
	char *words[VMM_CONTROL_WORDS + 2];
	const struct vmm_control_command *command;
	unsigned int n = line_divide(line, words);

	if (!n)
		return vsu_error_set(err, -EINVAL,
				     "an empty line; a command was expected");
	command = command_find(c, words[0]);
	if (!command)
		return refuse_name(c, words[0], err);
	if (n - 1 < command->nargs || n - 1 > command->nargs_max)
		return vsu_error_set(err, -EINVAL,
				     "%s: %u words follow; expected is '%s%s%s'",
				     words[0], n - 1, words[0],
				     command->args ? " " : "",
				     command->args ? command->args : "");
	return command->fn(c->opaque, words, answer, err);
}

/* ----------------------------------------------------------- the answers */

/* A client whose socket does not take the answer at once is lost with it. */
static bool client_send(const struct client *client, char *text, size_t len)
{
	const struct iovec iov = { text, len };

	return vsu_sock_send(client->sock, &iov, 1, NULL, 0) == (ssize_t)len;
}

static void refusal_write(const struct vsu_error *err, FILE *to)
{
	fputs("{\"ok\":false,\"error\":", to);
	prog_json_string(err->msg, to);
	fputs("}\n", to);
}

/* *text is for free(), also after a failure. */
static int answer_make(const struct vmm_control *c, char *line, char **text,
		       size_t *len)
{
	struct vsu_error err = VSU_ERROR_INIT;
	FILE *to = open_memstream(text, len);
	int rc;

	if (!to)
		return -ENOMEM;
	fputs("{\"ok\":true", to);
	rc = line_obey(c, line, to, &err);
	if (rc < 0) {
		rewind(to);
		refusal_write(&err, to);
	} else {
		fputs("}\n", to);
	}
	if (fflush(to))
		rc = -ENOMEM;
	else
		rc = 0;
	return fclose(to) ? -ENOMEM : rc;
}

static bool client_answer(struct client *client, char *line)
{
	char *text = NULL;
	size_t len = 0;
	bool sent = !answer_make(client->control, line, &text, &len) &&
		    client_send(client, text, len);

	free(text);
	return sent;
}

/* ----------------------------------------------------------- the clients */

static void client_close(struct client *client)
{
	struct vmm_control *c = client->control;

	ev_io_stop(c->loop, &client->readable);
	vsu_fd_close(&client->sock);
	ev_io_start(c->loop, &c->connecting);
}

/* Whole lines of what came, one after the other. */
static bool client_obey(struct client *client)
{
	char *end, line[VMM_CONTROL_LINE];
	size_t len;

	while ((end = memchr(client->line, '\n', client->len))) {
		len = (size_t)(end - client->line);
		memcpy(line, client->line, len);
		line[len] = '\0';
		client->len -= len + 1;
		memmove(client->line, end + 1, client->len);
		if (memchr(line, '\0', len) || !client_answer(client, line))
			return false;
	}
	return client->len < sizeof(client->line);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
	struct client *client = w->data;
	ssize_t n;

	(void)loop;
	(void)revents;
	n = read(client->sock, client->line + client->len,
		 sizeof(client->line) - client->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		client->len += (size_t)n;
		if (client_obey(client))
			return;
	}
	client_close(client);
}

static struct client *client_free(struct vmm_control *c)
{
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		if (c->clients[i].sock < 0)
			return &c->clients[i];
	return NULL;
}

static void on_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct vmm_control *c = w->data;

	(void)revents;
	ev_timer_stop(loop, w);
	ev_io_start(loop, &c->connecting);
}

/* While every place is taken, the others wait in the kernel. */
static void on_connecting(struct ev_loop *loop, ev_io *w, int revents)
{
	struct vmm_control *c = w->data;
	struct client *client = client_free(c);
	int sock;

	(void)revents;
	if (!client) {
		ev_io_stop(loop, w);
		return;
	}
	sock = vsu_sock_accept(c->listener);
	if (sock == -EAGAIN)
		return;
	if (sock < 0) {
		ev_io_stop(loop, w);
		ev_timer_again(loop, &c->again);
		return;
	}
	client->sock = sock;
	client->len = 0;
	ev_io_set(&client->readable, client->sock, EV_READ);
	ev_io_start(loop, &client->readable);
}

/* --------------------------------------------------------------------- life */

static void clients_init(struct vmm_control *c)
{
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		c->clients[i].control = c;
		c->clients[i].sock = -1;
		ev_init(&c->clients[i].readable, on_readable);
		c->clients[i].readable.data = &c->clients[i];
	}
}

int vmm_control_new(struct ev_loop *loop, const char *path,
		    const struct vmm_control_command *commands, void *opaque,
		    struct vmm_control **out, struct vsu_error *err)
{
	struct vmm_control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return vsu_error_sys(err, -ENOMEM, "control socket");
	rc = vsu_sock_listen(path, VMM_CONTROL_CLIENTS, err);
	if (rc < 0) {
		free(c);
		return vsu_error_prefix(err, rc, "option --control");
	}
	c->listener = rc;
	c->loop = loop;
	c->commands = commands;
	c->opaque = opaque;
	c->has_path = !vsu_sock_path_of(c->listener, &c->path);
	clients_init(c);
	ev_io_init(&c->connecting, on_connecting, c->listener, EV_READ);
	c->connecting.data = c;
	ev_timer_init(&c->again, on_again, 0, SECONDS_TO_PAUSE);
	c->again.data = c;
	ev_io_start(loop, &c->connecting);
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
	ev_io_stop(c->loop, &c->connecting);
	ev_timer_stop(c->loop, &c->again);
	if (c->has_path)
		vsu_sock_unlink(&c->path);
	vsu_fd_close(&c->listener);
	free(c);
}

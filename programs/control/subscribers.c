/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Clients that receive events. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "control/control_private.h"

static unsigned int subscribers_count(const struct vmm_control *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		n += c->clients[i].sock >= 0 && c->clients[i].subscribed;
	return n;
}

bool vmm_control_is_heard(const struct vmm_control *c)
{
	return c && subscribers_count(c) > 0;
}

void vmm_control_count_subscribers(struct vmm_control *c)
{
	const bool heard = vmm_control_is_heard(c);

	if (heard == c->is_heard)
		return;
	c->is_heard = heard;
	if (c->config.listen)
		c->config.listen(c->config.commands.opaque, heard);
}

int vmm_control_subscribe(struct vmm_control *c, struct vsu_error *err)
{
	if (!c->served->subscribed &&
	    subscribers_count(c) == VMM_CONTROL_SUBSCRIBERS)
		return vsu_error_set(err, -EBUSY, "%u clients have subscribed, which is the maximum",
				     VMM_CONTROL_SUBSCRIBERS);
	c->served->subscribed = true;
	vmm_control_count_subscribers(c);
	return 0;
}

/*
 * The socket's buffer is the queue of events. The loop closes the connection:
 * the caller may be a command of this client.
 */
static void client_overrun(struct client *client)
{
	const struct vmm_control_config *config = &client->control->config;

	if (config->log)
		config->log(config->owner, CVMM_LOG_WARNING, "control", "a client of the control socket does not read its events and is disconnected");
	client->subscribed = false;
	vmm_waiting_end(&client->waiting);
	vmm_control_count_subscribers(client->control);
	shutdown(client->sock, SHUT_RDWR);
	vsu_io_start(client->control->config.loop, &client->readable);
}

static bool client_notify(const struct client *client, const char *json)
{
	const size_t len = strlen(json);
	char newline = '\n';
	const struct iovec iov[] = { { (void *)(uintptr_t)json, len }, { &newline, 1 } };

	return vsu_sock_send(client->sock, iov, 2, NULL, 0) == (ssize_t)len + 1;
}

void vmm_control_publish(struct vmm_control *c, const char *json)
{
	struct client *client;
	unsigned int i;

	if (!vmm_control_is_heard(c))
		return;
	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		client = &c->clients[i];
		if (client->sock >= 0 && client->subscribed && (!json || !client_notify(client, json)))
			client_overrun(client);
	}
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Clients that receive events. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "control/control_private.h"
#include "log/log.h"

static unsigned int subscribers_count(const struct vmm_control *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		n += c->clients[i].sock >= 0 && c->clients[i].subscribed;
	return n;
}

bool vmm_control_is_heard(const struct vmm_control *c)
{
	return c && (c->config.event || subscribers_count(c) > 0);
}

int vmm_control_subscribe(struct vmm_control *c, struct vsu_error *err)
{
	if (!c->served)
		return vsu_error_set(err, -EOPNOTSUPP, "events come by the function of the program");
	if (!c->served->subscribed &&
	    subscribers_count(c) == VMM_CONTROL_SUBSCRIBERS)
		return vsu_error_set(err, -EBUSY, "%u clients have subscribed, which is the maximum",
				     VMM_CONTROL_SUBSCRIBERS);
	c->served->subscribed = true;
	return 0;
}

/*
 * The socket's buffer is the queue of events. The loop closes the connection:
 * the caller may be a command of this client.
 */
static void client_overrun(struct client *client)
{
	vmm_log(client->control->config.log, VMM_LOG_WARNING, "control", "a client of the control socket does not read its events and is disconnected");
	client->subscribed = false;
	vmm_waiting_end(&client->waiting);
	shutdown(client->sock, SHUT_RDWR);
	vsu_io_start(client->control->config.loop, &client->readable);
}

static void notify_owner(const struct vmm_control *c, const struct cvmm_event *record,
			 const char *json)
{
	struct cvmm_event copy = *record;

	copy.size = sizeof(copy);
	copy.json = json;
	if (!copy.cause)
		copy.cause = "";
	c->config.event(c->config.event_opaque, &copy);
}

static bool client_notify(const struct client *client, const char *json)
{
	const size_t len = strlen(json);
	char newline = '\n';
	const struct iovec iov[] = { { (void *)(uintptr_t)json, len }, { &newline, 1 } };

	return vsu_sock_send(client->sock, iov, 2, NULL, 0) == (ssize_t)len + 1;
}

void vmm_control_publish(struct vmm_control *c, const struct cvmm_event *record,
			 const char *json)
{
	struct client *client;
	unsigned int i;

	if (!vmm_control_is_heard(c))
		return;
	if (c->config.event && json)
		notify_owner(c, record, json);
	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		client = &c->clients[i];
		if (client->sock >= 0 && client->subscribed && (!json || !client_notify(client, json)))
			client_overrun(client);
	}
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Clients that receive events. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "control/control_private.h"
#include "control/reply.h"
#include "log/log.h"

static unsigned int subscribers_count(const struct vmm_control *c)
{
	unsigned int i, n = 0;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		n += c->clients[i].sock >= 0 && c->clients[i].subscribed;
	return n;
}

bool vmm_control_has_subscribers(const struct vmm_control *c)
{
	return c && subscribers_count(c) > 0;
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
	client->waits_for = NULL;
	shutdown(client->sock, SHUT_RDWR);
	vmm_io_start(client->control->config.loop, &client->readable);
}

static void notify_owner(const struct vmm_control *c, const struct cvmm_event *record,
			 const char *event, const char *members)
{
	struct cvmm_event copy = *record;
	struct vmm_reply line;

	if (!vmm_reply_open(&line))
		return;
	fprintf(line.to, "{\"event\":\"%s\"%s}", event, members);
	copy.size = sizeof(copy);
	copy.json = vmm_reply_text(&line);
	if (!copy.cause)
		copy.cause = "";
	if (copy.json)
		c->config.event(c->config.event_opaque, &copy);
	free(line.bytes);
}

void vmm_control_publish(struct vmm_control *c, const struct cvmm_event *record,
			 const char *event, const char *members)
{
	struct client *client;
	unsigned int i;

	if (c && c->config.event)
		notify_owner(c, record, event, members);
	for (i = 0; c && i < VMM_CONTROL_CLIENTS; i++) {
		client = &c->clients[i];
		if (client->sock >= 0 && client->subscribed &&
		    !vmm_reply_print(client->sock, "{\"event\":\"%s\"%s}\n",
				     event, members))
			client_overrun(client);
	}
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages of the control port. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/channel.h"

/* Limits the bytes that wait for an agent which does not read, not counting its request. */
#define MAX_QUEUED (64u << 10)

void vagent_priv_channel_free(struct vagent_priv_channel *c)
{
	free(c->queued);
	c->queued = NULL;
}

void vagent_priv_channel_flush(struct vagent_priv_channel *c)
{
	ssize_t n = 1;

	while (c->sent < c->nqueued && n > 0) {
		n = send(c->fd, c->queued + c->sent, c->nqueued - c->sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			c->sent += (size_t)n;
	}
	if (c->sent == c->nqueued)
		c->sent = c->nqueued = 0;
}

/* The buffer doubles, so that its copies do not add up. */
static int reserve_bytes(struct vagent_priv_channel *c, size_t len)
{
	const size_t size = len > 2 * c->size ? len : 2 * c->size;
	char *bytes;

	if (len <= c->size)
		return 0;
	bytes = realloc(c->queued, size);
	if (!bytes)
		return -ENOMEM;
	c->queued = bytes;
	c->size = size;
	return 0;
}

int vagent_priv_channel_send(struct vagent_priv_channel *c, enum vagent_message type, const void *payload,
		     size_t len)
{
	const struct vagent_header header = { (uint32_t)type, (uint32_t)len };
	int rc;

	if (c->nqueued + sizeof(header) + len > MAX_QUEUED + (type == VAGENT_REQUEST ? len : 0))
		return -ENOBUFS;
	rc = reserve_bytes(c, c->nqueued + sizeof(header) + len);
	if (rc < 0)
		return rc;
	memcpy(c->queued + c->nqueued, &header, sizeof(header));
	if (len)
		memcpy(c->queued + c->nqueued + sizeof(header), payload, len);
	c->nqueued += sizeof(header) + len;
	vagent_priv_channel_flush(c);
	return 0;
}

/* The length of the message that is being received, as far as it is known. */
static size_t wanted_len(const struct vagent_priv_channel *c)
{
	return sizeof(c->in.header) + (c->have < sizeof(c->in.header) ? 0 : c->in.header.len);
}

int vagent_priv_channel_receive(struct vagent_priv_channel *c)
{
	ssize_t n;

	if (c->have >= sizeof(c->in.header) && c->have == wanted_len(c))
		c->have = 0;
	for (;;) {
		n = recv(c->fd, c->in.bytes + c->have, wanted_len(c) - c->have, MSG_DONTWAIT);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -ECONNRESET;
		c->have += (size_t)n;
		if (c->have < sizeof(c->in.header))
			continue;
		if (c->in.header.len > VAGENT_MAX_MESSAGE)
			return -EBADMSG;
		if (c->have == wanted_len(c))
			return 1;
	}
}

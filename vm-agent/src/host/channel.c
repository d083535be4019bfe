/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages of the control port. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "host/channel.h"

/* Limits the bytes that wait for an agent which does not read, not counting records. */
#define MAX_QUEUED (64u << 10)
/* Signals and sizes leave the rest to FORGET, whose failure ends the guest. */
#define MAX_OPTIONAL (MAX_QUEUED / 2)
/* Limits the records that wait. */
#define MAX_RECORDS (2 * VAGENT_MAX_REQUEST)

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
		c->sent = c->nqueued = c->nrecords = 0;
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

static void append_bytes(struct vagent_priv_channel *c, const void *bytes, size_t len)
{
	if (len)
		memcpy(c->queued + c->nqueued, bytes, len);
	c->nqueued += len;
}

static size_t max_queued(enum vagent_message type)
{
	return type == VAGENT_KILL || type == VAGENT_RESIZE ? MAX_OPTIONAL : MAX_QUEUED;
}

int vagent_priv_channel_send_records(struct vagent_priv_channel *c, enum vagent_message type, const void *head,
			     size_t len, const struct vagent_request *records)
{
	const struct vagent_header header = { (uint32_t)type, (uint32_t)len + records->len };
	const size_t counted = c->nqueued - c->nrecords + sizeof(header) + len;
	int rc;

	if (counted > max_queued(type) || c->nrecords + records->len > MAX_RECORDS)
		return -ENOBUFS;
	rc = reserve_bytes(c, c->nqueued + sizeof(header) + header.len);
	if (rc < 0)
		return rc;
	append_bytes(c, &header, sizeof(header));
	append_bytes(c, head, len);
	append_bytes(c, records->records, records->len);
	c->nrecords += records->len;
	vagent_priv_channel_flush(c);
	return 0;
}

int vagent_priv_channel_send(struct vagent_priv_channel *c, enum vagent_message type, const void *payload,
		     size_t len)
{
	static const struct vagent_request none;

	return vagent_priv_channel_send_records(c, type, payload, len, &none);
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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Additional connections of a migration. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/thread.h>

#include "migration/channels.h"

#define TOKEN 16u		/* random bytes that a source's connections have in common */
#define NS_PER_S UINT64_C(1000000000)
#define ACCEPT_NS (30 * NS_PER_S) /* for all channels */
#define JOIN_NS (5 * NS_PER_S)	/* for one connection, to present the token */

void vmm_channels_close(struct vmm_channels *c)
{
	while (c->n > 0)
		vmm_stream_close(&c->channel[--c->n].stream);
	free(c->channel);
	c->channel = NULL;
}

/* Streams and threads refer to channels: none moves later. */
static int channels_make(struct vmm_channels *c, struct vsu_error *err)
{
	if (!c->channel)
		c->channel = calloc(VMM_CHANNELS_MAX - 1, sizeof(*c->channel));
	return c->channel ? 0 : vsu_error_set(err, -ENOMEM, "no memory for connections");
}

static struct vmm_channel *channel_add(struct vmm_channels *c,
				       const struct vmm_stream *first)
{
	struct vmm_channel *channel = &c->channel[c->n++];

	memset(channel, 0, sizeof(*channel));
	vmm_stream_init(&channel->stream);
	channel->stream.cancel_fd = first->cancel_fd;
	channel->stream.closer = first->closer;
	channel->number = c->n;
	return channel;
}

/* --------------------------------------------------------------------- source */

static int announce_channels(struct vmm_stream *first, unsigned int n,
			     const unsigned char *token, struct vsu_error *err)
{
	vmm_stream_begin(first, "channels");
	vsu_state_put_u32(&first->w, n);
	vsu_state_put(&first->w, token, TOKEN);
	return vmm_stream_send(first, err);
}

static int connect_one(struct vmm_stream *s, const char *address,
		       const unsigned char *token, struct vsu_error *err)
{
	int rc = vmm_address_connect(address, s, err);

	if (!rc)
		rc = vmm_stream_send_header(s, err);
	if (rc < 0)
		return rc;
	vmm_stream_begin(s, "join");
	vsu_state_put(&s->w, token, TOKEN);
	return vmm_stream_send(s, err);
}

int vmm_channels_connect(struct vmm_channels *c, unsigned int n, const char *address,
			 struct vmm_stream *first, struct vsu_error *err)
{
	unsigned char token[TOKEN];
	int rc;

	if (!n)
		return 0;
	if (getrandom(token, sizeof(token), 0) != (ssize_t)sizeof(token))
		return vsu_error_sys(err, -errno, "getrandom");
	rc = channels_make(c, err);
	rc = rc < 0 ? rc : announce_channels(first, n, token, err);
	while (!rc && c->n < n)
		rc = connect_one(&channel_add(c, first)->stream, address, token, err);
	return rc;
}

int vmm_channels_end(struct vmm_channels *c, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < c->n; i++)
		rc = vmm_stream_send_empty(&c->channel[i].stream, "end", err);
	return rc;
}

/* ---------------------------------------------------------------- destination */

static bool has_joined(struct vmm_stream *s, const unsigned char *token)
{
	struct vsu_state_section join;

	return !vmm_stream_receive_header(s, NULL) &&
	       !vmm_stream_expect(s, "join", &join, NULL) &&
	       join.len == TOKEN && !memcmp(join.bytes, token, TOKEN);
}

/* Connections without the token are closed, until the time has passed. */
static int accept_one(struct vmm_channel *channel, struct vmm_listener *listener,
		      const unsigned char *token, uint64_t until_ns,
		      struct vsu_error *err)
{
	struct vmm_stream *s = &channel->stream;
	int rc;

	for (;;) {
		s->deadline_ns = until_ns;
		rc = vmm_address_accept(listener, s, err);
		if (s->fd < 0)
			return rc;
		s->deadline_ns = vsu_now_ns() + JOIN_NS;
		if (!rc && has_joined(s, token)) {
			s->deadline_ns = 0;
			return 0;
		}
		vmm_stream_renew(s);
	}
}

int vmm_channels_accept(struct vmm_channels *c, struct vmm_listener *listener,
			const struct vmm_stream *first,
			const struct vsu_state_section *announced,
			struct vsu_error *err)
{
	const uint64_t until_ns = vsu_now_ns() + ACCEPT_NS;
	unsigned char token[TOKEN];
	struct vsu_state_fields f;
	uint32_t n;
	int rc;

	vmm_stream_fields(announced, &f);
	n = vsu_state_get_u32(&f);
	vsu_state_get(&f, token, sizeof(token));
	rc = vsu_state_fields_end(&f, err);
	if (!rc && (!n || n >= VMM_CHANNELS_MAX))
		rc = vsu_error_set(err, -EBADMSG, "the source announces %u additional connections; allowed is 1 to %u",
				   n, VMM_CHANNELS_MAX - 1);
	rc = rc < 0 ? rc : channels_make(c, err);
	while (!rc && c->n < n)
		rc = accept_one(channel_add(c, first), listener, token, until_ns, err);
	return rc;
}

void vmm_channels_set_closer(struct vmm_channels *c, struct vsu_closer *closer)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		c->channel[i].stream.closer = closer;
}

/* -------------------------------------------------------------------- threads */

static void *channel_main(void *arg)
{
	struct vmm_channel *channel = arg;

	channel->rc = channel->fn(channel, &channel->err);
	return NULL;
}

void vmm_channels_start(struct vmm_channels *c,
			int (*fn)(struct vmm_channel *channel, struct vsu_error *err),
			void *opaque)
{
	struct vmm_channel *channel;
	unsigned int i;
	int rc;

	for (i = 0; i < c->n; i++) {
		channel = &c->channel[i];
		channel->fn = fn;
		channel->opaque = opaque;
		vsu_error_clear(&channel->err);
		rc = vsu_thread_start(c->threads, &channel->thread, channel_main, channel);
		channel->started = !rc;
		if (rc < 0)	/* else the thread sets it */
			channel->rc = vsu_error_sys(&channel->err, rc, "cannot start a thread");
	}
}

/* An error of a channel is perhaps the cause why the first connection has ended. */
int vmm_channels_join(struct vmm_channels *c, int rc, struct vsu_error *err)
{
	const bool interrupt = rc < 0;
	unsigned int i;

	for (i = 0; interrupt && i < c->n; i++)
		shutdown(c->channel[i].stream.fd, SHUT_RDWR);
	for (i = 0; i < c->n; i++) {
		if (c->channel[i].started)
			pthread_join(c->channel[i].thread, NULL);
		c->channel[i].started = false;
		if (c->channel[i].rc < 0 && (!rc || rc == -ECONNRESET)) {
			rc = c->channel[i].rc;
			*err = c->channel[i].err;
		}
	}
	return rc;
}

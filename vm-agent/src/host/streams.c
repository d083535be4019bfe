/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Streams of processes between descriptors and frames. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>

#include "host/ports.h"
#include "host/streams.h"

/* Sets an end to a duplicate, so that each stream watches a descriptor of its own. */
static int set_end(struct vagent_priv_flow_end *end, int epfd, int fd, uint32_t events)
{
	const int own = fd < 0 ? -1 : vsu_fd_dup(fd);

	if (fd >= 0 && own < 0)
		return own;
	vagent_priv_flow_set_end(end, own);
	return vagent_priv_watch(epfd, own, events);
}

int vagent_priv_sink_init(struct vagent_priv_sink *s, int epfd, int fd)
{
	s->to.fd = -1;
	s->epfd = epfd;
	s->bytes = malloc(VAGENT_WINDOW);
	return s->bytes ? set_end(&s->to, epfd, fd, EPOLLOUT) : -ENOMEM;
}

void vagent_priv_sink_fini(struct vagent_priv_sink *s)
{
	vagent_priv_close_watched(s->epfd, &s->to.fd);
	free(s->bytes);
	s->bytes = NULL;
}

int vagent_priv_source_init(struct vagent_priv_source *s, int epfd, int fd)
{
	s->from.fd = -1;
	s->epfd = epfd;
	s->credit = VAGENT_WINDOW;
	return set_end(&s->from, epfd, fd, EPOLLIN);
}

void vagent_priv_source_fini(struct vagent_priv_source *s)
{
	vagent_priv_close_watched(s->epfd, &s->from.fd);
	s->ended = true;
}

uint32_t vagent_priv_sink_room(const struct vagent_priv_sink *s)
{
	return s->source_ended ? 0 : VAGENT_WINDOW - s->have - s->consumed;
}

void vagent_priv_sink_put(struct vagent_priv_sink *s, const unsigned char *bytes, uint32_t len)
{
	const uint32_t end = (s->at + s->have) % VAGENT_WINDOW;
	const uint32_t first = len < VAGENT_WINDOW - end ? len : VAGENT_WINDOW - end;

	memcpy(s->bytes + end, bytes, first);
	memcpy(s->bytes, bytes + first, len - first);
	s->have += len;
}

static void consume_bytes(struct vagent_priv_sink *s, uint32_t n)
{
	s->at = (s->at + n) % VAGENT_WINDOW;
	s->have -= n;
	s->consumed += n;
}

static void lose_reader(struct vagent_priv_sink *s, int rc)
{
	s->state = VAGENT_SINK_LOST;
	s->failure = rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
	vagent_priv_close_watched(s->epfd, &s->to.fd);
}

void vagent_priv_sink_discard(struct vagent_priv_sink *s)
{
	if (s->state == VAGENT_SINK_OPEN)
		lose_reader(s, -EPIPE);
}

/* False: nothing can be written now. */
static bool write_some(struct vagent_priv_sink *s)
{
	const uint32_t run = s->have < VAGENT_WINDOW - s->at ? s->have : VAGENT_WINDOW - s->at;
	const ssize_t n = s->state == VAGENT_SINK_LOST ? (ssize_t)run : vagent_priv_flow_write(&s->to, s->bytes + s->at, run);

	if (vagent_priv_flow_is_later(n) || !n)
		return false;
	if (n < 0)
		lose_reader(s, (int)n);
	else
		consume_bytes(s, (uint32_t)n);
	return true;
}

bool vagent_priv_sink_turn(struct vagent_priv_sink *s)
{
	while (s->have && write_some(s))
		;
	if (!s->have && s->source_ended) {
		s->state = VAGENT_SINK_COMPLETE;
		vagent_priv_close_watched(s->epfd, &s->to.fd);
	}
	return s->state == VAGENT_SINK_COMPLETE;
}

ssize_t vagent_priv_source_read(struct vagent_priv_source *s, void *bytes, size_t len)
{
	const ssize_t n = vagent_priv_flow_read(&s->from, bytes, len);

	if (vagent_priv_flow_is_later(n))
		return -EAGAIN;
	return n < 0 ? 0 : n;
}

bool vagent_priv_frame_flush(struct vagent_priv_frame_out *f, int fd)
{
	const char *bytes = (const char *)&f->frame;
	ssize_t n = 1;

	while (f->at < f->len && n > 0) {
		n = send(fd, bytes + f->at, f->len - f->at, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			f->at += (size_t)n;
	}
	return f->at == f->len;
}

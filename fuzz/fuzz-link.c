/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A stream of frames that reconnects, and its peer. The input is a list of actions. The
 * peer listens or refuses, accepts a connection, sends frames, parts of them, many of them
 * or invalid bytes, reads, shuts down and closes. The link sends, flushes, receives and
 * tries to reconnect.
 *
 * Invariants: each frame arrives complete and unchanged, in order, not twice and not in
 * part, in both directions; bytes for a previous connection never reach another one; each
 * call returns, and no descriptor leaks. Finally prints its reach.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/net_link.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "link/priv.h"
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LENGTH		4u
#define LEAST		14u		/* an Ethernet header */
#define MOST		(VIRTDEV_NET_FRAME_MAX - NET_HEADER)

static uint64_t received, sent, lost, again, nonsense;
static char folder[] = "/tmp/fuzz-link-XXXXXX", path[64];

/* Frames of one direction: their numbers increase, although some are lost. */
struct flow {
	uint32_t next, last;		/* number of the next frame to be made; number of the
					   last one that arrived */
};

struct wire {
	struct virtdev_net_link *link;
	int listener, peer;		/* -1: none */
	struct flow to_link, to_peer;
	bool spoiled;			/* the peer sent bytes that are not a frame */
	uint32_t tail_at, tail_end;	/* rest of a frame of which it sent a part */
	uint32_t got;			/* number of the peer's bytes in `in` */
	int fds;			/* number of open descriptors at its start */
};

static unsigned char out[LENGTH + MOST], in[2 * sizeof(out)];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " frames received, %" PRIu64 " sent, %" PRIu64 " refused, %" PRIu64 " connections anew, %" PRIu64 " of nonsense\n",
	       received, sent, lost, again, nonsense);
	unlink(path);
	rmdir(folder);
}

/* --------------------------------------------------------------------- frames */

/* Makes a frame: its length, number and length again, and bytes that follow from them. */
static uint32_t frame_make(struct flow *f, uint32_t len)
{
	const uint32_t number = ++f->next, be = htonl(len);
	uint32_t i;

	memcpy(out, &be, LENGTH);
	memcpy(out + LENGTH, &number, 4);
	memcpy(out + LENGTH + 4, &len, 4);
	for (i = 8; i < len; i++)
		out[LENGTH + i] = (unsigned char)(number + i);
	return LENGTH + len;
}

static bool frame_is_whole(struct flow *f, const unsigned char *at,
			   uint32_t len)
{
	uint32_t number, same, i;

	memcpy(&number, at, 4);
	memcpy(&same, at + 4, 4);
	if (same != len || number <= f->last || number > f->next)
		return false;
	for (i = 8; i < len; i++)
		if (at[i] != (unsigned char)(number + i))
			return false;
	f->last = number;
	return true;
}

static uint32_t frame_len(struct input *input)
{
	const uint32_t v = take(input, 1);

	return v < 0xc0 ? LEAST + v : v < 0xf8 ? (v - 0xb0) * 900 : MOST;
}

/* ------------------------------------------------------------------- the peer */

static void peer_close(struct wire *w)
{
	vsu_fd_close(&w->peer);
	w->got = w->tail_at = w->tail_end = 0;
}

static void peer_listen(struct wire *w)
{
	if (w->listener < 0)
		w->listener = vsu_sock_listen(path, 1, NULL);
	CHECK(w->listener >= 0);
}

/* Connections that the peer did not accept end, too. */
static void peer_refuse(struct wire *w)
{
	vsu_fd_close(&w->listener);
	unlink(path);
}

static void peer_take(struct wire *w)
{
	int fd = w->listener < 0 ? -1 : vsu_sock_accept(w->listener);

	if (fd < 0)
		return;
	peer_close(w);
	w->peer = fd;
}

static uint32_t peer_write(const struct wire *w, uint32_t at, uint32_t end)
{
	ssize_t n = w->peer < 0 ? -1 :
		    send(w->peer, out + at, end - at,
			 MSG_DONTWAIT | MSG_NOSIGNAL);

	return n < 0 ? 0 : (uint32_t)n;
}

/* Behind a part of a frame, the next frame would count as its rest. */
static void peer_send(struct wire *w, struct input *input, uint32_t most)
{
	const uint32_t len = frame_make(&w->to_link, frame_len(input));
	const uint32_t part = len < most ? len : most;
	uint32_t n;

	if (w->tail_at < w->tail_end)
		w->spoiled = true;
	n = peer_write(w, 0, part);
	w->tail_at = n;
	w->tail_end = n ? len : 0;
}

static void peer_finish(struct wire *w)
{
	static const struct flow none;
	struct flow same = none;
	uint32_t len = w->tail_end;

	if (w->tail_at >= len)
		return;
	/* makes the bytes of the last frame again, which others may have replaced */
	same.next = w->to_link.next - 1;
	frame_make(&same, len - LENGTH);
	w->tail_at += peer_write(w, w->tail_at, len);
}

static void peer_babble(struct wire *w, struct input *input)
{
	const uint32_t len = 1 + (take(input, 1) & 31);
	uint32_t i;

	for (i = 0; i < len; i++)
		out[i] = (unsigned char)take(input, 1);
	nonsense += peer_write(w, 0, len) > 0;
	w->spoiled = true;
}

static void peer_flood(struct wire *w)
{
	unsigned int i;
	uint32_t len;

	for (i = 0; i < 200 && w->tail_at == w->tail_end; i++) {
		len = frame_make(&w->to_link, LEAST + i);
		w->tail_at = peer_write(w, 0, len);
		w->tail_end = w->tail_at ? len : 0;
	}
}

static void peer_frames(struct wire *w)
{
	uint32_t be, len, at = 0;

	while (w->got - at >= LENGTH) {
		memcpy(&be, in + at, LENGTH);
		len = ntohl(be);
		CHECK(len >= LEAST && len <= MOST);
		if (w->got - at - LENGTH < len)
			break;
		CHECK(frame_is_whole(&w->to_peer, in + at + LENGTH, len));
		at += LENGTH + len;
		sent++;
	}
	memmove(in, in + at, w->got - at);
	w->got -= at;
}

static void peer_read(struct wire *w, struct input *input)
{
	const uint32_t want = 1 + take(input, 1) * 512;
	const uint32_t room = (uint32_t)sizeof(in) - w->got;
	ssize_t n = w->peer < 0 ? -1 :
		    recv(w->peer, in + w->got, want < room ? want : room,
			 MSG_DONTWAIT);

	if (n <= 0)
		return;
	w->got += (uint32_t)n;
	peer_frames(w);
}

/* ------------------------------------------------------------------- the link */

static void link_send(struct wire *w, struct input *input)
{
	static struct virtdev_net_header header;
	const uint32_t len = frame_make(&w->to_peer, frame_len(input)) - LENGTH;
	const uint32_t cut = take(input, 1) % len;
	const struct iovec iov[] = {
		{ &header, sizeof(header) }, { out + LENGTH, cut },
		{ out + LENGTH + cut, len - cut },
	};

	if (w->link->ops.send(w->link->self, 0, iov, 3) == 0)
		return;
	lost++;
	w->to_peer.next--;
}

static void link_receive(struct wire *w, struct input *input)
{
	static unsigned char frame[VIRTDEV_NET_FRAME_MAX];
	const uint32_t cut = 1 + take(input, 1);
	const struct iovec iov[] = {
		{ frame, cut }, { frame + cut, sizeof(frame) - cut },
	};
	unsigned int turns = 0;
	ssize_t n;

	do {
		CHECK(++turns < 100000);
		n = w->link->ops.receive(w->link->self, 0, iov, 2);
		if (n < 0)
			continue;
		CHECK((size_t)n >= NET_HEADER + LEAST &&
		      (size_t)n <= sizeof(frame));
		if (frame_is_whole(&w->to_link, frame + NET_HEADER,
				   (uint32_t)n - NET_HEADER))
			received++;
		else
			CHECK(w->spoiled);
	} while (n >= 0 || n == -ENOMSG);
	CHECK(n == -EAGAIN || n == -EPIPE);
}

/* Tries to reconnect if that is due: a millisecond after a loss. */
static void link_again(struct wire *w)
{
	struct pollfd p = { .events = POLLIN,
			    .fd = w->link->ops.retry_fd(w->link->self, 0) };
	int rc;

	if (poll(&p, 1, 2) != 1)
		return;
	rc = w->link->ops.retry(w->link->self, 0);
	CHECK(rc == 0 || rc == -EAGAIN);
	again += rc == 0;
}

/* --------------------------------------------------------------------- course */

static void init(void *wire, struct input *input)
{
	struct wire *w = wire;
	const struct virtdev_net_stream stream = {
		.size = sizeof(stream), .path = path, .reconnect_ms = 1,
	};

	if (!path[0]) {
		CHECK(mkdtemp(folder));
		snprintf(path, sizeof(path), "%s/s", folder);
	}
	memset(w, 0, sizeof(*w));
	w->fds = vsu_fd_count();
	w->listener = w->peer = -1;
	if (take(input, 1) & 1)
		peer_listen(w);
	CHECK(virtdev_net_stream_open(&stream, &w->link, NULL) == 0);
	peer_take(w);
}

static void act_of_peer(struct wire *w, struct input *input, uint32_t what)
{
	switch (what) {
	case 0:
		peer_take(w);
		break;
	case 1:
		peer_listen(w);
		break;
	case 2:
		peer_refuse(w);
		break;
	case 3:
		peer_close(w);
		break;
	case 4:
		if (w->peer >= 0)
			shutdown(w->peer, take(input, 1) & 1);
		break;
	case 5:
		peer_babble(w, input);
		break;
	case 6:
		peer_flood(w);
		break;
	default:
		peer_send(w, input, 1 + take(input, 1));
		break;
	}
}

static void act(void *wire, struct input *input)
{
	struct wire *w = wire;
	const uint32_t what = take(input, 1) & 15;

	switch (what) {
	case 8:
	case 9:
		peer_send(w, input, UINT32_MAX);
		break;
	case 10:
		peer_finish(w);
		break;
	case 11:
		peer_read(w, input);
		break;
	case 12:
		link_send(w, input);
		break;
	case 13:
		(void)!w->link->ops.flush(w->link->self, 0);
		break;
	case 14:
		link_receive(w, input);
		break;
	case 15:
		link_again(w);
		break;
	default:
		act_of_peer(w, input, what);
		break;
	}
}

static void fini(void *wire)
{
	struct wire *w = wire;

	virtdev_net_link_free(w->link);
	peer_close(w);
	peer_refuse(w);
	CHECK(vsu_fd_count() == w->fds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct wire wire;

	return play(&course, &wire, data, size);
}

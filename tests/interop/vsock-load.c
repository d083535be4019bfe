/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Both ends of a vsock device, for programs of a guest and of the host:
 *
 *   vsock-load echo ADDRESS [N]       sends received bytes back, on several
 *                                     connections; ends after N connections
 *   vsock-load load ADDRESS N BYTES   N concurrent connections: each sends BYTES
 *                                     and shuts down, and checks the echo
 *   vsock-load reset ADDRESS N BYTES  N concurrent connections that send as many
 *                                     of BYTES as possible without blocking, read
 *                                     nothing and are closed
 *
 *   vsock-load answer ADDRESS [N]     sends each message back (SOCK_SEQPACKET)
 *   vsock-load messages ADDRESS N     one connection: N rounds of messages of
 *                                     several sizes, whose boundaries are checked
 *
 * ADDRESS is vsock:CID:PORT, unix:PATH, or bridge:PATH:PORT for a port of the
 * guest behind a UNIX socket of the host. The time limit is 300 seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vsock-address.h"

#define MAX_STREAMS 256
#define CHUNK 16384
#define SECONDS 300

/* ---------------------------------------------------------------- connections */

struct stream {
	int fd;
	bool ended;		/* end of file was received */
	uint64_t sent, got;	/* load: bytes of the echo; echo: bytes to be sent back */
	size_t held;		/* echo: those that were not sent */
	char bytes[CHUNK];
};
static struct stream streams[MAX_STREAMS];

static unsigned char pattern(int stream, uint64_t at)
{
	return (unsigned char)(at * 7 + (at >> 9) + (uint64_t)stream * 31);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* ------------------------------------------------------------------------ echo */

/* A line for the test, which may have to explain an echo that is too short. */
static bool echo_end(const struct stream *s, const char *why)
{
	printf("echoed %" PRIu64 " of %" PRIu64 " bytes: %s\n", s->sent, s->got, why);
	return false;
}

/* False: the connection has ended. */
static bool echo_turn(struct stream *s)
{
	ssize_t n;

	if (!s->held && !s->ended) {
		n = read(s->fd, s->bytes, CHUNK);
		if (n < 0)
			return would_block() || echo_end(s, strerror(errno));
		s->ended = n == 0;
		s->got += (uint64_t)n;
		s->held = (size_t)n;
	}
	if (s->held) {
		n = write(s->fd, s->bytes, s->held);
		if (n < 0)
			return would_block() || echo_end(s, strerror(errno));
		s->sent += (uint64_t)n;
		s->held -= (size_t)n;
		memmove(s->bytes, s->bytes + n, s->held);
	}
	return s->held || !s->ended || echo_end(s, "its end");
}

static int echo_accept(int listener, int n)
{
	int fd;

	while (n < MAX_STREAMS && (fd = accept(listener, NULL, NULL)) >= 0) {
		memset(&streams[n], 0, sizeof(streams[n]));
		set_nonblock(fd);
		streams[n++].fd = fd;
	}
	return n;
}

/*
 * False: no connection is ready; connections with bytes to send must be tried.
 * While received bytes are unread, Linux does not wake a writer of a vsock
 * connection that was reset; only a write returns the error.
 */
static bool echo_wait(struct pollfd *fds, int n)
{
	int i, ready, held = 0;

	for (i = 0; i < n; i++) {
		fds[i + 1] = (struct pollfd){
			.fd = streams[i].fd,
			.events = streams[i].held ? POLLOUT : POLLIN,
		};
		held += streams[i].held > 0;
	}
	ready = poll(fds, (nfds_t)(unsigned int)n + 1, held ? 500 : -1);
	if (ready < 0)
		fail("poll");
	return ready > 0;
}

static int echo(const struct address *a, long count)
{
	struct pollfd fds[MAX_STREAMS + 1] = { { .fd = address_listen(a),
					  .events = POLLIN } };
	int n = 0, i;
	bool ready;

	puts("listening");
	fflush(stdout);
	while (count) {
		ready = echo_wait(fds, n);
		for (i = n; i--; ) {
			if (ready ? !fds[i + 1].revents : !streams[i].held)
				continue;
			if (echo_turn(&streams[i]))
				continue;
			close(streams[i].fd);
			streams[i] = streams[--n];
			count -= count > 0;
		}
		n = echo_accept(fds[0].fd, n);
	}
	return 0;
}

/* ------------------------------------------------------------------------ load */

static void load_send(struct stream *s, int number, uint64_t bytes)
{
	size_t len = bytes - s->sent < CHUNK ? bytes - s->sent : CHUNK, i;
	ssize_t n;

	for (i = 0; i < len; i++)
		s->bytes[i] = (char)pattern(number, s->sent + i);
	n = write(s->fd, s->bytes, len);
	if (n < 0 && !would_block())
		fail("write");
	s->sent += n > 0 ? (uint64_t)n : 0;
	if (s->sent == bytes && shutdown(s->fd, SHUT_WR) < 0)
		fail("shutdown");
}

static void load_receive(struct stream *s, int number, uint64_t bytes)
{
	ssize_t n = read(s->fd, s->bytes, CHUNK), i;

	if (n < 0 && would_block())
		return;
	if (n < 0)
		fail("read");
	s->ended = n == 0;
	for (i = 0; i < n; i++) {
		if ((unsigned char)s->bytes[i] == pattern(number, s->got++))
			continue;
		fprintf(stderr, "vsock-load: wrong byte %" PRIu64 " of connection %d\n",
			s->got - 1, number);
		exit(1);
	}
	if (s->ended ? s->got != bytes : s->got > bytes) {
		fprintf(stderr, "vsock-load: %" PRIu64 " bytes of connection %d\n",
			s->got, number);
		exit(1);
	}
}

static int load(const struct address *a, int n, uint64_t bytes)
{
	struct pollfd fds[MAX_STREAMS];
	const nfds_t count = n > 0 && n <= MAX_STREAMS ? (nfds_t)n : 0;
	int i, left = n;

	for (i = 0; i < n; i++)
		streams[i].fd = address_connect(a);
	while (left) {
		for (i = 0; i < n; i++)
			fds[i] = (struct pollfd){
				.fd = streams[i].ended ? -1 : streams[i].fd,
				.events = streams[i].sent < bytes ?
					  POLLIN | POLLOUT : POLLIN,
			};
		if (poll(fds, count, -1) < 0)
			fail("poll");
		for (i = 0; i < n; i++) {
			if (fds[i].revents & POLLOUT)
				load_send(&streams[i], i, bytes);
			if (fds[i].revents & (POLLIN | POLLHUP | POLLERR))
				load_receive(&streams[i], i, bytes);
			left -= fds[i].fd >= 0 && streams[i].ended;
		}
	}
	printf("%d connections, %" PRIu64 " bytes each\n", n,
	       bytes);
	return 0;
}

/* Sends what fits without blocking. */
static int reset(const struct address *a, int n, uint64_t bytes)
{
	static char zeros[CHUNK];
	uint64_t sent;
	int i;

	for (i = 0; i < n; i++)
		streams[i].fd = address_connect(a);
	for (i = 0; i < n; i++)
		for (sent = 0; sent < bytes; sent += CHUNK)
			if (write(streams[i].fd, zeros, CHUNK) < 0)
				break;
	for (i = 0; i < n; i++)
		close(streams[i].fd);
	return 0;
}

/* -------------------------------------------------------------------- messages */

static const size_t sizes[] = { 1, 4095, 4096, 20000, 65536 };
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))
static char message[65536 + 1];

static void set_block(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		fail("fcntl");
}

/* Serves one client after another. */
static int answer(const struct address *a, long count)
{
	int listener = address_listen(a), fd;
	ssize_t n;

	set_block(listener);
	puts("listening");
	fflush(stdout);
	for (; count; count -= count > 0) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0)
			fail("accept");
		while ((n = recv(fd, message, sizeof(message), 0)) > 0)
			if (send(fd, message, (size_t)n, 0) != n)
				fail("send");
		close(fd);
	}
	return 0;
}

static void message_send(int fd, int number)
{
	const size_t len = sizes[(size_t)number % NSIZES];
	size_t i;

	for (i = 0; i < len; i++)
		message[i] = (char)pattern(number, i);
	if (send(fd, message, len, 0) != (ssize_t)len)
		fail("send");
}

static void message_check(int fd, int number)
{
	const size_t len = sizes[(size_t)number % NSIZES];
	ssize_t n = recv(fd, message, sizeof(message), 0);
	size_t i;

	for (i = 0; n == (ssize_t)len && i < len; i++)
		if (message[i] != (char)pattern(number, i))
			break;
	if (n == (ssize_t)len && i == len)
		return;
	fprintf(stderr, "vsock-load: message %d of %zu bytes came back with %zd, like it for %zu\n",
		number, len, n, n == (ssize_t)len ? i : 0);
	exit(1);
}

/* Sends all sizes before reading any, so that boundaries could be lost. */
static int messages(const struct address *a, int rounds)
{
	int fd = address_connect(a), i, number = 0;

	set_block(fd);
	for (; rounds--; number += (int)NSIZES) {
		for (i = 0; i < (int)NSIZES; i++)
			message_send(fd, number + i);
		for (i = 0; i < (int)NSIZES; i++)
			message_check(fd, number + i);
	}
	if (shutdown(fd, SHUT_WR) < 0 ||
	    recv(fd, message, sizeof(message), 0) != 0)
		fail("no end");
	printf("%d messages\n", number);
	return 0;
}

int main(int argc, char **argv)
{
	struct address a;
	int n;

	if (argc < 3 || (argc < 5 && (!strcmp(argv[1], "load") ||
				      !strcmp(argv[1], "reset"))))
		return 64;
	signal(SIGPIPE, SIG_IGN);
	alarm(SECONDS);
	address_parse(&a, strcmp(argv[1], "answer") &&
			  strcmp(argv[1], "messages") ?
			  SOCK_STREAM : SOCK_SEQPACKET, argv[2]);
	if (!strcmp(argv[1], "echo"))
		return echo(&a, argc > 3 ? atol(argv[3]) : -1);
	if (!strcmp(argv[1], "answer"))
		return answer(&a, argc > 3 ? atol(argv[3]) : -1);
	if (argc < 4)
		return 64;
	n = atoi(argv[3]);
	if (n < 1 || n > MAX_STREAMS)
		return 64;
	if (!strcmp(argv[1], "messages"))
		return messages(&a, n);
	if (!strcmp(argv[1], "load"))
		return load(&a, n, strtoull(argv[4], NULL, 0));
	return reset(&a, n, strtoull(argv[4], NULL, 0));
}

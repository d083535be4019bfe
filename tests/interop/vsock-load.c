/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Both ends of a socket device, for programs of a guest and of the host:
 *
 *   vsock-load echo ADDRESS [N]       gives back what it is sent, many at once;
 *                                     ends when N connections did
 *   vsock-load load ADDRESS N BYTES   N connections at once: each sends so many
 *                                     bytes and its end, and checks what comes back
 *   vsock-load reset ADDRESS N BYTES  N connections at once that send what they
 *                                     can of it, read nothing and are closed
 *
 * ADDRESS is vsock:CID:PORT, unix:PATH, or bridge:PATH:PORT for a port of the
 * guest behind a UNIX socket of the host. Nothing takes longer than 300 seconds.
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
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define MOST 256
#define CHUNK 16384
#define SECONDS 300

static void fail(const char *what)
{
	fprintf(stderr, "vsock-load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void set_nonblock(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		fail("fcntl");
}

/* ------------------------------------------------------------------ addresses */

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_vm vm;
		struct sockaddr_un un;
	};
	socklen_t len;
	unsigned int bridged;	/* port of the guest, or 0 */
};

static void parse_vsock(struct address *a, const char *text)
{
	char *end;

	a->vm.svm_family = AF_VSOCK;
	a->vm.svm_cid = (unsigned int)strtoul(text, &end, 0);
	if (*end != ':')
		fail(text);
	a->vm.svm_port = (unsigned int)strtoul(end + 1, NULL, 0);
	a->len = sizeof(a->vm);
}

static void parse_unix(struct address *a, const char *path, size_t len)
{
	if (len >= sizeof(a->un.sun_path))
		fail(path);
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, len);
	a->len = sizeof(a->un);
}

static void parse_address(struct address *a, const char *text)
{
	const char *colon = strrchr(text, ':');

	memset(a, 0, sizeof(*a));
	if (!strncmp(text, "vsock:", 6)) {
		parse_vsock(a, text + 6);
	} else if (!strncmp(text, "unix:", 5)) {
		parse_unix(a, text + 5, strlen(text + 5));
	} else if (!strncmp(text, "bridge:", 7) && colon > text + 7) {
		parse_unix(a, text + 7, (size_t)(colon - text - 7));
		a->bridged = (unsigned int)strtoul(colon + 1, NULL, 0);
	} else {
		errno = EINVAL;
		fail(text);
	}
}

static void greet(int fd, unsigned int port)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "CONNECT %u\n", port);
	size_t got = 0;

	if (write(fd, line, (size_t)n) != n)
		fail("CONNECT");
	do {
		if (got == sizeof(line) - 1 || read(fd, line + got, 1) != 1)
			fail("no OK");
	} while (line[got++] != '\n');
	if (strncmp(line, "OK ", 3))
		fail("no OK");
}

/* A listener may be late: who starts it is another program. */
static int make_connection(const struct address *a)
{
	int fd, tries;

	for (tries = 0; tries < 500; tries++) {
		fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			fail("socket");
		if (connect(fd, &a->any, a->len) == 0)
			break;
		if (errno != EAGAIN && errno != ENOENT && errno != ECONNRESET &&
		    errno != ECONNREFUSED)
			fail("connect");
		close(fd);
		poll(NULL, 0, 20);
	}
	if (tries == 500)
		fail("connect");
	if (a->bridged)
		greet(fd, a->bridged);
	set_nonblock(fd);
	return fd;
}

/* ---------------------------------------------------------------- connections */

struct stream {
	int fd;
	bool ended;		/* nothing more comes */
	uint64_t sent, got;
	size_t held;		/* echo: bytes to be given back */
	char bytes[CHUNK];
};
static struct stream streams[MOST];

static unsigned char pattern(int stream, uint64_t at)
{
	return (unsigned char)(at * 7 + (at >> 9) + (uint64_t)stream * 31);
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* ------------------------------------------------------------------------ echo */

/* False: it is over. */
static bool echo_turn(struct stream *s)
{
	ssize_t n;

	if (!s->held && !s->ended) {
		n = read(s->fd, s->bytes, CHUNK);
		if (n < 0)
			return would_block();
		s->ended = n == 0;
		s->held = (size_t)n;
	}
	if (s->held) {
		n = write(s->fd, s->bytes, s->held);
		if (n < 0)
			return would_block();
		s->held -= (size_t)n;
		memmove(s->bytes, s->bytes + n, s->held);
	}
	return s->held || !s->ended;
}

static int echo_listen(const struct address *a)
{
	int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (a->any.sa_family == AF_UNIX)
		unlink(a->un.sun_path);
	if (fd < 0 || bind(fd, &a->any, a->len) < 0 || listen(fd, 128) < 0)
		fail("listen");
	set_nonblock(fd);
	return fd;
}

static int echo_accept(int listener, int n)
{
	int fd;

	while (n < MOST && (fd = accept(listener, NULL, NULL)) >= 0) {
		memset(&streams[n], 0, sizeof(streams[n]));
		set_nonblock(fd);
		streams[n++].fd = fd;
	}
	return n;
}

static int echo(const struct address *a, long count)
{
	struct pollfd fds[MOST + 1] = { { .fd = echo_listen(a),
					  .events = POLLIN } };
	int n = 0, i;

	puts("listening");
	fflush(stdout);
	while (count) {
		for (i = 0; i < n; i++)
			fds[i + 1] = (struct pollfd){
				.fd = streams[i].fd,
				.events = streams[i].held ? POLLOUT : POLLIN,
			};
		if (poll(fds, (nfds_t)(unsigned int)n + 1, -1) < 0)
			fail("poll");
		for (i = n; i--; ) {
			if (!fds[i + 1].revents || echo_turn(&streams[i]))
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
	struct pollfd fds[MOST];
	int i, left = n;

	for (i = 0; i < n; i++)
		streams[i].fd = make_connection(a);
	while (left) {
		for (i = 0; i < n; i++)
			fds[i] = (struct pollfd){
				.fd = streams[i].ended ? -1 : streams[i].fd,
				.events = streams[i].sent < bytes ?
					  POLLIN | POLLOUT : POLLIN,
			};
		if (poll(fds, (nfds_t)(unsigned int)n, -1) < 0)
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

/* Bytes that cannot be sent at once are not. */
static int reset(const struct address *a, int n, uint64_t bytes)
{
	static char zeros[CHUNK];
	uint64_t sent;
	int i;

	for (i = 0; i < n; i++)
		streams[i].fd = make_connection(a);
	for (i = 0; i < n; i++)
		for (sent = 0; sent < bytes; sent += CHUNK)
			if (write(streams[i].fd, zeros, CHUNK) < 0)
				break;
	for (i = 0; i < n; i++)
		close(streams[i].fd);
	return 0;
}

int main(int argc, char **argv)
{
	struct address a;
	int n;

	if (argc < 3 || (argc < 5 && strcmp(argv[1], "echo")))
		return 64;
	signal(SIGPIPE, SIG_IGN);
	alarm(SECONDS);
	parse_address(&a, argv[2]);
	if (!strcmp(argv[1], "echo"))
		return echo(&a, argc > 3 ? atol(argv[3]) : -1);
	n = atoi(argv[3]);
	if (n < 1 || n > MOST)
		return 64;
	if (!strcmp(argv[1], "load"))
		return load(&a, n, strtoull(argv[4], NULL, 0));
	return reset(&a, n, strtoull(argv[4], NULL, 0));
}

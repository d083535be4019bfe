/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Both ends of a stream between a guest and its host, over whatever carries it:
 *
 *   stream-end serve ADDRESS
 *   stream-end measure ADDRESS NAME [CASE]
 *
 *	NAME.out	MiB per second from the measuring end, acknowledged
 *	NAME.in		and to it
 *	NAME.turn	round trips of 64 bytes per second
 *
 * The measuring end requests a number of bytes or round trips, on one connection for
 * each line. ADDRESS is one of vsock-address.h.
 */
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "vsock-address.h"

#define CHUNK 65536u
#define SMALL 64u
#define MIB (1024.0 * 1024.0)

enum { OUT, IN, TURN };

/* Both ends have the same byte order: they run on one machine. */
struct request {
	uint64_t kind, n;	/* chunks, or turns */
};

static char bytes[CHUNK];

/* Sends small writes immediately, if the socket is TCP; others need no such option. */
static int prepared(int fd)
{
	const int on = 1;

	if (fd < 0)
		fail("accept");
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) < 0)
		fail("fcntl");
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void write_all(int fd, const void *from, size_t len)
{
	const char *at = from;
	ssize_t n;

	for (; len; at += n, len -= (size_t)n) {
		n = write(fd, at, len);
		if (n <= 0)
			fail("write");
	}
}

/* False: the stream ends before the first byte. */
static bool read_all(int fd, void *to, size_t len)
{
	char *at = to;
	ssize_t n;

	for (; len; at += n, len -= (size_t)n) {
		n = read(fd, at, len);
		if (n == 0 && at == to)
			return false;
		if (n <= 0)
			fail("read");
	}
	return true;
}

/* -------------------------------------------------------------------- the server */

static void answer(int fd, const struct request *r)
{
	uint64_t n;

	for (n = 0; n < r->n; n++) {
		if (r->kind == IN)
			write_all(fd, bytes, CHUNK);
		else
			read_all(fd, bytes, r->kind == OUT ? CHUNK : SMALL);
		if (r->kind == TURN)
			write_all(fd, bytes, SMALL);
	}
	if (r->kind == OUT)
		write_all(fd, bytes, 1);
}

static noreturn void serve(const struct address *a)
{
	const int listener = prepared(address_listen(a));
	struct request r;
	int fd;

	puts("listening");
	fflush(stdout);
	for (;;) {
		fd = prepared(accept(listener, NULL, NULL));
		while (read_all(fd, &r, sizeof(r)))
			answer(fd, &r);
		close(fd);
	}
}

/* ----------------------------------------------------------------- the measuring end */

static int far_end;

static void ask(uint64_t kind, uint64_t n)
{
	const struct request r = { kind, n };

	write_all(far_end, &r, sizeof(r));
}

static void bytes_out(void *opaque, uint64_t n)
{
	(void)opaque;
	ask(OUT, n);
	for (; n; n--)
		write_all(far_end, bytes, CHUNK);
	read_all(far_end, bytes, 1);
}

static void bytes_in(void *opaque, uint64_t n)
{
	(void)opaque;
	ask(IN, n);
	for (; n; n--)
		read_all(far_end, bytes, CHUNK);
}

static void turns(void *opaque, uint64_t n)
{
	(void)opaque;
	ask(TURN, n);
	for (; n; n--) {
		write_all(far_end, bytes, SMALL);
		read_all(far_end, bytes, SMALL);
	}
}

static const struct line {
	const char *name;
	bench_fn fn;
	double scale;
	const char *unit;
} lines[] = {
	{ "out", bytes_out, MIB / CHUNK, "MiB/s" },
	{ "in", bytes_in, MIB / CHUNK, "MiB/s" },
	{ "turn", turns, 1, "/s" },
};

static void measure(const struct address *a, const char *prefix)
{
	char name[96];
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(name, sizeof(name), "%s.%s", prefix, lines[i].name);
		if (!bench_selected(name))
			continue;
		far_end = prepared(address_connect(a));
		bench_rate(name, lines[i].fn, NULL, lines[i].scale,
			   lines[i].unit);
		close(far_end);
	}
}

int main(int argc, char **argv)
{
	struct address a;

	if (argc < 3)
		return 64;
	signal(SIGPIPE, SIG_IGN);
	address_parse(&a, SOCK_STREAM, argv[2]);
	if (!strcmp(argv[1], "serve"))
		serve(&a);
	if (argc < 4 || strcmp(argv[1], "measure"))
		return 64;
	bench_init(argc - 3, argv + 3);
	measure(&a, argv[3]);
	return 0;
}

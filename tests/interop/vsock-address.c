/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Addresses of both ends of a vsock device, and sockets for them. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vsock-address.h"

noreturn void fail(const char *what)
{
	err(1, "%s", what);
}

void set_nonblock(int fd)
{
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
		fail("fcntl");
}

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

static void parse_tcp(struct address *a, const char *text)
{
	char host[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	const size_t len = colon ? (size_t)(colon - text) : sizeof(host);

	if (len >= sizeof(host))
		fail(text);
	memcpy(host, text, len);
	host[len] = 0;
	a->in.sin_family = AF_INET;
	a->in.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 0));
	if (inet_pton(AF_INET, host, &a->in.sin_addr) != 1)
		fail(text);
	a->len = sizeof(a->in);
}

void address_parse(struct address *a, int type, const char *text)
{
	const char *colon = strrchr(text, ':');

	memset(a, 0, sizeof(*a));
	a->type = type;
	if (!strncmp(text, "vsock:", 6)) {
		parse_vsock(a, text + 6);
	} else if (!strncmp(text, "tcp:", 4)) {
		parse_tcp(a, text + 4);
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

static void greet(int fd, int type, unsigned int port)
{
	char line[32];
	int n = snprintf(line, sizeof(line), "CONNECT %u\n", port);
	size_t got = 0;

	if (write(fd, line, (size_t)n) != n)
		fail("CONNECT");
	if (type == SOCK_SEQPACKET) {
		if (read(fd, line, sizeof(line)) < 4 || strncmp(line, "OK ", 3))
			fail("no OK");
		return;
	}
	do {
		if (got == sizeof(line) - 1 || read(fd, line + got, 1) != 1)
			fail("no OK");
	} while (line[got++] != '\n');
	if (strncmp(line, "OK ", 3))
		fail("no OK");
}

int address_connect(const struct address *a)
{
	int fd, tries;

	for (tries = 0; tries < 500; tries++) {
		fd = socket(a->any.sa_family, a->type | SOCK_CLOEXEC, 0);
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
		greet(fd, a->type, a->bridged);
	set_nonblock(fd);
	return fd;
}

int address_listen(const struct address *a)
{
	int fd = socket(a->any.sa_family, a->type | SOCK_CLOEXEC, 0);

	if (a->any.sa_family == AF_UNIX)
		unlink(a->un.sun_path);
	if (fd < 0 || bind(fd, &a->any, a->len) < 0 || listen(fd, 128) < 0)
		fail("listen");
	set_nonblock(fd);
	return fd;
}

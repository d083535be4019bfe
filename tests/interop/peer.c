/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A misbehaving peer, and socket operations that a shell cannot perform. It uses
 * none of the libraries, so that a fault in them cannot hide here.
 *
 *   peer serve PATH FEATURES PROTOCOL_FEATURES N [REFUSED]
 *       a back-end that offers these (hexadecimal) features to one client,
 *       handles N messages as a disk of 1 MiB that serves no request, and hangs
 *       up without replying to the next message; with N 0 it hangs up at once.
 *       Each request with number REFUSED gets a refusal
 *   peer send PATH HEX
 *       a front-end that sends these bytes, then prints whether the back-end
 *       closed the connection ("closed") or replied ("answered"); without bytes
 *       to send it hangs up at once ("left")
 *   peer linger PATH
 *       a front-end that passes a TCP socket whose close waits an hour for unread
 *       data, and its own end of the session's socket; prints "sent" and keeps
 *       running without either
 *   peer stale PATH
 *       leaves a socket file without a listener
 *   peer pass PATH COMMAND...
 *       listens on PATH and executes COMMAND, where "{}" in an argument is
 *       replaced by the number of the listening descriptor
 *   peer pass-accepted PATH COMMAND...
 *       the same with the descriptor of the first client
 */
#include <config.h>

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 20000

/* Only what a start requires; numbers and flags of the vhost-user document. */
enum {
	GET_FEATURES = 1,
	GET_VRING_BASE = 11,
	GET_PROTOCOL_FEATURES = 15,
	GET_QUEUE_NUM = 17,
	GET_CONFIG = 24,
	GET_MAX_MEM_SLOTS = 36,
};
/* Offset of a disk's configuration in GET_CONFIG; the disk has 1 MiB. */
#define CONFIG_AT 12
#define CONFIG_SECTORS 2048
#define FLAG_VERSION 0x1u
#define FLAG_REPLY 0x4u
#define FLAG_NEED_REPLY 0x8u
#define MAX_PAYLOAD 4096

struct header {
	uint32_t request, flags, size;
};

struct offer {
	uint64_t features, protocol_features;
	uint32_t refused;	/* number of a request, or 0 */
};

static void die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct sockaddr_un address_of(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	strcpy(address.sun_path, path);
	return address;
}

static int unix_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static int listen_on(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = unix_socket();

	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(fd, 4) < 0)
		die(path);
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = address_of(path);
	int fd = unix_socket();

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die(path);
	return fd;
}

static int accept_from(const char *path)
{
	int listener = listen_on(path);
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		die("accept");
	close(listener);
	return fd;
}

/* Receives len bytes, or returns 0 after a hang-up. */
static int receive(int fd, void *buf, size_t len)
{
	return len == 0 || recv(fd, buf, len, MSG_WAITALL) == (ssize_t)len;
}

/* Whether the request has a reply of eight bytes, and its value. */
static int answer(const struct header *request, const struct offer *offer,
		  uint64_t *value)
{
	switch (request->request) {
	case GET_FEATURES:
		*value = offer->features;
		return 1;
	case GET_PROTOCOL_FEATURES:
		*value = offer->protocol_features;
		return 1;
	case GET_QUEUE_NUM:
		*value = 1;
		return 1;
	case GET_MAX_MEM_SLOTS:
		*value = 8;
		return 1;
	default:
		*value = request->request == offer->refused;
		return (request->flags & FLAG_NEED_REPLY) != 0;
	}
}

static int send_reply(int fd, uint32_t request, const void *payload,
		      uint32_t size)
{
	char bytes[sizeof(struct header) + MAX_PAYLOAD];
	struct header header = { request, FLAG_VERSION | FLAG_REPLY, size };

	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), payload, size);
	size += sizeof(header);
	return send(fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

/* Requests whose reply is their own payload, filled in. */
static int is_echoed(const struct header *request, char *payload)
{
	const uint64_t sectors = CONFIG_SECTORS;

	if (request->request == GET_CONFIG &&
	    request->size >= CONFIG_AT + sizeof(sectors))
		memcpy(payload + CONFIG_AT, &sectors, sizeof(sectors));
	return request->request == GET_CONFIG ||
	       request->request == GET_VRING_BASE;
}

static int serve_one(int fd, const struct offer *offer, int hang_up)
{
	char payload[MAX_PAYLOAD];
	struct header request;
	uint64_t value;

	if (!receive(fd, &request, sizeof(request)) || request.size > sizeof(payload) ||
	    !receive(fd, payload, request.size) || hang_up)
		return 0;
	if (is_echoed(&request, payload))
		return send_reply(fd, request.request, payload, request.size);
	if (!answer(&request, offer, &value))
		return 1;
	return send_reply(fd, request.request, &value, sizeof(value));
}

static int cmd_serve(char **argv)
{
	struct offer offer = {
		.features = strtoull(argv[1], NULL, 16),
		.protocol_features = strtoull(argv[2], NULL, 16),
		.refused = argv[4] ? (uint32_t)strtoul(argv[4], NULL, 10) : 0,
	};
	long answers = strtol(argv[3], NULL, 10);
	int fd = accept_from(argv[0]);

	while (answers > 0 && serve_one(fd, &offer, 0))
		answers--;
	if (strcmp(argv[3], "0"))
		serve_one(fd, &offer, 1);
	close(fd);
	unlink(argv[0]);
	return 0;
}

static size_t bytes_of(const char *hex, unsigned char *out, size_t room)
{
	size_t n = 0;
	int used;

	while (n < room && sscanf(hex, "%2hhx%n", &out[n], &used) == 1) {
		hex += used;
		n++;
	}
	return n;
}

static int cmd_send(char **argv)
{
	unsigned char bytes[MAX_PAYLOAD];
	size_t len = bytes_of(argv[1], bytes, sizeof(bytes));
	int fd = connect_to(argv[0]);
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	char c;

	if (len == 0)
		return puts("left") < 0;
	if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len)
		die("send");
	if (poll(&waiting, 1, WAIT_MS) != 1)
		return puts("silent") < 0;
	return puts(recv(fd, &c, 1, 0) == 1 ? "answered" : "closed") < 0;
}

/* A socket connected to itself with unread data and SO_LINGER. */
static int lingering_socket(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger hour = { 1, 3600 };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(at);
	static char bytes[65536];

	if (bind(listener, (struct sockaddr *)&at, len) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &len) < 0 ||
	    connect(fd, (struct sockaddr *)&at, len) < 0 ||
	    accept(listener, NULL, NULL) < 0)	/* stays open until the process ends */
		die("a TCP connection");
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour));
	return fd;
}

/* Sends an unknown request; the descriptors are attached to its first byte. */
static int cmd_linger(char **argv)
{
	struct header header = { 200, FLAG_VERSION, 0 };
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control = { .head = { .cmsg_len = CMSG_LEN(2 * sizeof(int)),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { &header, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.bytes,
			      .msg_controllen = sizeof(control.bytes) };
	int fds[2] = { connect_to(argv[0]), lingering_socket() };

	memcpy(CMSG_DATA(&control.head), fds, sizeof(fds));
	if (sendmsg(fds[0], &msg, MSG_NOSIGNAL) != 1)
		die("sendmsg");
	close(fds[1]);
	if (send(fds[0], (char *)&header + 1, sizeof(header) - 1, MSG_NOSIGNAL) < 0)
		die("send");
	close(fds[0]);
	puts("sent");
	fflush(stdout);
	pause();
	return 0;
}

static int cmd_stale(char **argv)
{
	close(listen_on(argv[0]));
	return 0;
}

/* Replaces "{}" at the end or in the middle of an argument. */
static char *with_number(char *arg, int number)
{
	char *at = strstr(arg, "{}"), *out;

	if (!at)
		return arg;
	if (asprintf(&out, "%.*s%d%s", (int)(at - arg), arg, number, at + 2) < 0)
		die("asprintf");
	return out;
}

static int become(char **command, int fd)
{
	int i;

	for (i = 0; command[i]; i++)
		command[i] = with_number(command[i], fd);
	execvp(command[0], command);
	die(command[0]);
	return 1;
}

static int cmd_pass(char **argv)
{
	return become(argv + 1, listen_on(argv[0]));
}

static int cmd_pass_accepted(char **argv)
{
	return become(argv + 1, accept_from(argv[0]));
}

static const struct command {
	const char *name;
	int operands;		/* at least */
	int (*run)(char **argv);
} commands[] = {
	{ "serve", 4, cmd_serve },
	{ "send", 2, cmd_send },
	{ "linger", 1, cmd_linger },
	{ "stale", 1, cmd_stale },
	{ "pass", 2, cmd_pass },
	{ "pass-accepted", 2, cmd_pass_accepted },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc >= 2 + commands[i].operands && !strcmp(argv[1], commands[i].name))
			return commands[i].run(argv + 2);
	fprintf(stderr, "use: peer serve|send|linger|stale|pass|pass-accepted PATH ...\n");
	return 64;
}

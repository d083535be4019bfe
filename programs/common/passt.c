/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts passt. */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "common/passt.h"
#include "child/program.h"

#define PATIENCE_NS UINT64_C(10000000000)
/* Its socket has ended, it has not yet. */
#define END_MS 1000

/* --------------------------------------------------------------------- ports */

/* passt tries to listen, and is silent about a failure. */
static int listen_once(const struct vmm_exec_port *port, int domain, struct vsu_error *err)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port->host) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port->host) };
	int fd = socket(domain, (port->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0), rc;
	const int one = 1;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "option --publish: no socket");
	if (port->address[0])
		inet_pton(domain, port->address, domain == AF_INET ? (void *)&in.sin_addr : &in6.sin6_addr);
	if (!port->udp)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	rc = domain == AF_INET ? bind(fd, (const struct sockaddr *)&in, sizeof(in)) :
				 bind(fd, (const struct sockaddr *)&in6, sizeof(in6));
	if (!rc && !port->udp)
		rc = listen(fd, 1);
	rc = rc < 0 ? vsu_error_sys(err, -errno, "option --publish: port %u of the host", port->host) : 0;
	vsu_fd_close(&fd);
	return rc;
}

static int check_ports(const struct vmm_exec_network *n, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n->nports; i++)
		rc = listen_once(&n->ports[i], strchr(n->ports[i].address, ':') ? AF_INET6 : AF_INET, err);
	return rc;
}

/* ----------------------------------------------------------------- arguments */

static void add_pair(struct prog_program *p, const char *option, const char *value)
{
	if (!*value)
		return;
	prog_program_add(p, "%s", option);
	prog_program_add(p, "%s", value);
}

/*
 * Without --no-map-gw the gateway would be the host's 127.0.0.1, with its services. The address
 * and the gateway are not those of the host, so that the guest reaches these.
 */
static void add_arguments(struct prog_program *p, const struct vmm_exec_network *n, int fd)
{
	const char *slash = strchr(n->address, '/');
	const struct vmm_exec_port *port;

	prog_program_add(p, "passt");
	prog_program_add(p, "--foreground");
	prog_program_add(p, "--quiet");
	prog_program_add(p, "--no-map-gw");
	prog_program_add(p, "--fd");
	prog_program_add(p, "%d", fd);
	prog_program_pass(p, fd);
	prog_program_add(p, "--address");
	prog_program_add(p, "%.*s", (int)(slash - n->address), n->address);
	add_pair(p, "--netmask", slash + 1);
	add_pair(p, "--gateway", n->gateway);
	add_pair(p, "--dns-forward", n->resolver);
	for (port = n->ports; port < n->ports + n->nports; port++) {
		prog_program_add(p, port->udp ? "--udp-ports" : "--tcp-ports");
		prog_program_add(p, "%s%s%u:%u", port->address, port->address[0] ? "/" : "", port->host, port->guest);
	}
}

/* --------------------------------------------------------------------- answer */

/* A frame on a stream. */
struct __attribute__((packed)) question {
	uint32_t len;
	uint8_t to[6], from[6];
	uint16_t protocol, hardware, addressed;
	uint8_t hardware_len, address_len;
	uint16_t operation;
	uint8_t sender[6];
	uint32_t sender_address;
	uint8_t target[6];
	uint32_t target_address;
};

/* Who has the gateway's address? */
static int ask_gateway(int fd, const struct vmm_exec_network *n)
{
	struct question q = {
		.len = htonl(sizeof(q) - sizeof(q.len)), .to = { 255, 255, 255, 255, 255, 255 },
		.from = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 }, .protocol = htons(0x806),
		.hardware = htons(1), .addressed = htons(0x800), .hardware_len = 6, .address_len = 4,
		.operation = htons(1), .sender = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 },
	};
	char address[32];

	snprintf(address, sizeof(address), "%.*s", (int)strcspn(n->address, "/"), n->address);
	q.sender_address = inet_addr(address);
	q.target_address = inet_addr(n->gateway);
	return send(fd, &q, sizeof(q), MSG_NOSIGNAL) == (ssize_t)sizeof(q) ? 0 : -ECONNRESET;
}

/* Other frames are not for a guest that does not run. */
static int await_answer(int fd)
{
	const uint64_t deadline = vsu_now_ns() + PATIENCE_NS;
	uint8_t frame[65536 + 64];
	uint32_t len;
	int rc;

	for (;;) {
		rc = prog_program_receive(fd, &len, sizeof(len), deadline);
		len = ntohl(len);
		if (!rc && len > sizeof(frame))
			rc = -EBADMSG;
		if (!rc)
			rc = prog_program_receive(fd, frame, len, deadline);
		if (rc < 0 || (len > 13 && frame[12] == 8 && frame[13] == 6))
			return rc;
	}
}

/* ----------------------------------------------------------------------- life */

static int explain_failure(const struct vmm_passt *p, int rc, struct vsu_error *err)
{
	char text[PROG_PROGRAM_MESSAGES];
	int status = 0;
	const bool ended = rc == -ECONNRESET && prog_leash_await(&p->leash, END_MS, &status);

	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == PROG_PROGRAM_NOT_STARTED)
		return vsu_error_set(err, -ENOPKG, "--net=passt: %s; install the package passt", prog_program_last_line(p->messages, text));
	if (rc == -ECONNRESET)
		return vsu_error_set(err, -EREMOTEIO, "--net=passt: passt ended: %s", prog_program_last_line(p->messages, text));
	return vsu_error_set(err, -EREMOTEIO, "--net=passt: passt does not answer: %s", strerror(-rc));
}

static int start_program(struct vmm_passt *p, const struct vmm_exec_network *n, int fd, struct vsu_error *err)
{
	struct prog_program program = { .argc = 0 };
	int rc = prog_program_messages(&p->messages, err);

	if (rc < 0)
		return rc;
	add_arguments(&program, n, fd);
	rc = prog_leash_start(&p->leash, &program, p->messages, END_MS, err);
	prog_program_free(&program);
	return rc;
}

int vmm_passt_start(struct vmm_passt *p, const struct vmm_exec_network *n, struct vsu_error *err)
{
	int pair[2], rc = check_ports(n, err);

	if (rc < 0)
		return rc;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	p->fd = pair[0];
	rc = start_program(p, n, pair[1], err);
	vsu_fd_close(&pair[1]);
	if (rc < 0)
		return rc;
	rc = ask_gateway(p->fd, n);
	if (!rc)
		rc = await_answer(p->fd);
	return rc < 0 ? explain_failure(p, rc, err) : 0;
}

void vmm_passt_card(const struct vmm_passt *p, const struct vmm_exec_network *n, char card[VMM_PASST_CARD])
{
	snprintf(card, VMM_PASST_CARD, "fd=%d,mac=%s,mtu=%d,block=%s", p->fd, n->mac, VMM_PASST_MTU, n->block);
}

void vmm_passt_end(struct vmm_passt *p)
{
	vsu_fd_close(&p->fd);
	vsu_fd_close(&p->leash.fd);
	vsu_fd_close(&p->messages);
}

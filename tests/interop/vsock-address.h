/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Addresses of both ends of a socket device, or of a network:
 *
 *   vsock:CID:PORT    AF_VSOCK
 *   tcp:ADDRESS:PORT  IPv4, in numbers
 *   unix:PATH         a UNIX socket
 *   bridge:PATH:PORT  a port of the guest behind a UNIX socket of the host
 */
#ifndef INTEROP_VSOCK_ADDRESS_H
#define INTEROP_VSOCK_ADDRESS_H

#include <netinet/in.h>
#include <stdnoreturn.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

struct address {
	int type;		/* SOCK_STREAM or SOCK_SEQPACKET */
	union {
		struct sockaddr any;
		struct sockaddr_vm vm;
		struct sockaddr_un un;
		struct sockaddr_in in;
	};
	socklen_t len;
	unsigned int bridged;	/* port of the guest, or 0 */
};

/* Says so, with errno, and ends the program. */
noreturn void fail(const char *what);

void set_nonblock(int fd);
/* Of the text; ends the program where it is none. */
void address_parse(struct address *a, int type, const char *text);
/* A listener may be late: it is waited for. Does not block from now on. */
int address_connect(const struct address *a);
/* Neither does this one. */
int address_listen(const struct address *a);

#endif

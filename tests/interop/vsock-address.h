/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Addresses of both ends of a vsock device, or of a network:
 *
 *   vsock:CID:PORT    AF_VSOCK
 *   tcp:ADDRESS:PORT  IPv4, numeric
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

/* Prints the error with errno and ends the program. */
noreturn void fail(const char *what);

void set_nonblock(int fd);
/* Parses the text; ends the program if it is invalid. */
void address_parse(struct address *a, int type, const char *text);
/* Waits until the listener exists; non-blocking afterwards. */
int address_connect(const struct address *a);
/* The listener is non-blocking, too. */
int address_listen(const struct address *a);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The address of the other end of a migration:
 *
 *   unix:PATH       a UNIX socket
 *   tcp:HOST:PORT   TCP, with brackets around an IPv6 address; neither encrypted nor
 *                   authenticated
 *   tls:HOST:PORT,certificates=FOLDER[,hostname=NAME]
 *                   TCP with TLS (tls.h); NAME is that of the destination's certificate,
 *                   by default HOST
 *   exec:COMMAND    a command of the shell, whose standard input and output are the
 *                   connection
 *   fd:N            a connected socket, the descriptor N; unix:fd:N is a UNIX socket to
 *                   the other process, which can pass descriptors
 *
 * The source connects, the destination listens. Both run the command of exec:.
 */
#ifndef VMM_MIGRATION_ADDRESS_H
#define VMM_MIGRATION_ADDRESS_H

#include "migration/stream.h"

/* Connections of a migration, including the first one. */
#define VMM_CHANNELS_MAX 16u

/* -EINVAL: no such address. */
int vmm_address_check(const char *address, struct vsu_error *err);

/* Makes the connection of s. They block as the stream does. */
int vmm_address_connect(const char *address, struct vmm_stream *s,
			struct vsu_error *err);
/* The command of exec: as a child: a socket to its standard input and output, or a negative errno. */
int vmm_address_start_command(const char *command, pid_t *child, struct vsu_error *err);
/* True for fd:N and unix:fd:N, whose number is no name for the user. */
bool vmm_address_is_descriptor(const char *address);
/* True for these and exec:, which have no second connection. */
bool vmm_address_is_single(const char *address);
/* -ENOTSOCK, -ENOTCONN, -EPROTOTYPE: fd is no connected stream socket. */
int vmm_address_check_socket(int fd, struct vsu_error *err);

/* A listening socket. */
struct vmm_listener {
	const char *address, *rest; /* borrowed; rest: behind the scheme */
	int fd;			/* -1: none */
	bool named;		/* path is the file of the socket */
	struct vsu_sock_path path;
	bool accepted;		/* exec: */
};

/* The address is borrowed. Close it in each case. */
int vmm_address_listen(const char *address, struct vmm_listener *l,
		       struct vsu_error *err);
/* Accepts the next connection; blocks as the stream does. */
int vmm_address_accept(struct vmm_listener *l, struct vmm_stream *s,
		       struct vsu_error *err);
/* Also closes connections that nobody accepted; closer: as of a stream. */
void vmm_address_unlisten(struct vmm_listener *l, struct vsu_closer *closer);

/* The connection of a stream to HOST:PORT. -ENETUNREACH: s->no_network; others of vsu_tcp_connect(). */
int vmm_tcp_connect(const char *address, struct vmm_stream *s, struct vsu_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The places of clients, and which client has to leave if all are occupied. */
#include <config.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "control/control_private.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77		/* Linux 6.5 */
#endif

/* Apart from the numbers of processes. */
#define BY_INODE (UINT64_C(1) << 63)

/* The inode of the process, unique from Linux 6.9 on. */
static uint64_t peer_inode(int sock)
{
	socklen_t len = sizeof(int);
	uint64_t id = 0;
	struct stat st;
	int fd = -1;

	if (getsockopt(sock, SOL_SOCKET, SO_PEERPIDFD, &fd, &len) < 0)
		return 0;
	if (!fstat(fd, &st))
		id = BY_INODE | st.st_ino;
	vsu_fd_close(&fd);
	return id;
}

uint64_t vmm_control_peer(int sock)
{
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return 0;
	return peer.pid ? (uint64_t)peer.pid : peer_inode(sock);
}

/* True if the connection is closed, not only the client's sending side. */
bool vmm_client_is_gone(const struct client *client)
{
	struct pollfd p = { .fd = client->sock };

	return poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR);
}

/* Its connection is of use after its last line. */
bool vmm_client_is_awaiting(const struct client *client)
{
	return client->waiting.deferred || client->subscribed;
}

struct client *vmm_control_free_place(struct vmm_control *c)
{
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		if (c->clients[i].sock < 0)
			return &c->clients[i];
	return NULL;
}

/* All places are occupied. */
static unsigned int connections_of(const struct vmm_control *c, uint64_t process)
{
	unsigned int i, n = 0;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++)
		n += c->clients[i].process == process;
	return n;
}

/* A process with many connections does not displace those of others. */
static bool gives_way_before(const struct client *a, const struct client *b)
{
	const unsigned int of_a = connections_of(a->control, a->process);
	const unsigned int of_b = connections_of(b->control, b->process);

	return of_a != of_b ? of_a > of_b : a->heard < b->heard;
}

/*
 * A client that disconnected while waiting, else of the process with the most
 * connections the one silent for longest.
 */
struct client *vmm_control_idlest(struct vmm_control *c)
{
	struct client *client, *idlest = NULL;
	unsigned int i;

	for (i = 0; i < VMM_CONTROL_CLIENTS; i++) {
		client = &c->clients[i];
		if (vmm_client_is_awaiting(client) && vmm_client_is_gone(client))
			return client;
		if (!vmm_client_is_awaiting(client) &&
		    (!idlest || gives_way_before(client, idlest)))
			idlest = client;
	}
	return idlest;
}

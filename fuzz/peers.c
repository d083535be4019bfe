/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Clients and a server whose actions are selected by random bytes. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "peers.h"

static char folder[64], path[80], messages_path[80], server[80];
static char messages_server[80];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/fuzz-vsock-XXXXXX");
	CHECK(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/v", folder);
	snprintf(messages_path, sizeof(messages_path), "%s/m", folder);
	snprintf(server, sizeof(server), "%s/v_%u", folder, PORT);
	snprintf(messages_server, sizeof(messages_server), "%s/v_%u", folder,
		 MESSAGES_PORT);
}

void peers_end(void)
{
	rmdir(folder);
}

const char *peers_path(void)
{
	if (!folder[0])
		make_folder();
	return path;
}

const char *peers_messages_path(void)
{
	peers_path();
	return messages_path;
}

void peers_init(struct peers *h)
{
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		h->fds[i] = -1;
	h->listener = vsu_sock_listen(server, 4, NULL);
	CHECK(h->listener >= 0);
	h->messages = vsu_sock_listen_type(messages_server, SOCK_SEQPACKET, 4,
					   NULL);
	CHECK(h->messages >= 0);
}

void peers_fini(struct peers *h)
{
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		vsu_fd_close(&h->fds[i]);
	vsu_fd_close(&h->listener);
	vsu_fd_close(&h->messages);
	unlink(server);
	unlink(messages_server);
}

static int *free_peer(struct peers *h)
{
	uint32_t i;

	for (i = 0; i < PEERS; i++)
		if (h->fds[i] < 0)
			return &h->fds[i];
	vsu_fd_close(&h->fds[0]);
	return &h->fds[0];
}

void peer_come(struct peers *h, struct input *in)
{
	const uint32_t how = take(in, 1);
	int *peer = free_peer(h);
	char line[40];
	int n = snprintf(line, sizeof(line), "CONNECT %u\n", 200 + (how & 3));

	*peer = how & 0x20 ? vsu_sock_connect_type(messages_path,
						   SOCK_SEQPACKET, NULL)
			   : vsu_sock_connect(path, NULL);
	if (*peer < 0)
		return;
	if (how & 0x80)
		line[how % 12] = (char)take(in, 1);
	(void)!send(*peer, line, (size_t)(how & 0x40 ? n / 2 : n),
		    MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void accept_at(struct peers *h, int listener)
{
	int fd = vsu_sock_accept(listener);

	if (fd >= 0)
		*free_peer(h) = fd;
}

void peer_accept(struct peers *h)
{
	accept_at(h, h->listener);
	accept_at(h, h->messages);
}

void peer_act(struct peers *h, struct input *in)
{
	static unsigned char bytes[8192];
	const uint32_t how = take(in, 1);
	int *peer = &h->fds[how % PEERS];

	if (*peer < 0)
		return;
	switch (how >> 5) {
	case 0:
		vsu_fd_close(peer);
		break;
	case 1:
		shutdown(*peer, how & 16 ? SHUT_WR : SHUT_RD);
		break;
	case 2:
	case 3:
		(void)!recv(*peer, bytes, sizeof(bytes), MSG_DONTWAIT);
		break;
	default:
		/* a socket of messages can send an empty one */
		(void)!send(*peer, bytes, (how & 31) * 160,
			    MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	}
}

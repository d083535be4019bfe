/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The ports of a guest, which another process may take. */
#include <config.h>

#include <string.h>
#include <sys/epoll.h>

#include <vmm-sys-util/fd.h>

#include "host/guest_private.h"
#include "host/ports.h"

int vagent_guest_port(const struct vagent_guest *g, enum vagent_port port)
{
	return (unsigned int)port < VAGENT_PORTS ? g->guests[port] : -1;
}

void vagent_guest_close_ports(struct vagent_guest *g)
{
	int i;

	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&g->guests[i]);
}

int vagent_priv_guest_use_ports(struct vagent_guest *g)
{
	int rc = 0, i;

	g->control.fd = g->ours[VAGENT_CONTROL];
	for (i = 0; !rc && i < VAGENT_PORTS; i++)
		rc = vagent_priv_watch(g->epfd, g->ours[i], EPOLLIN | EPOLLOUT);
	return rc;
}

void vagent_priv_guest_release_ports(struct vagent_guest *g, int ports[VAGENT_PORTS])
{
	int i;

	for (i = 0; i < VAGENT_PORTS; i++) {
		(void)!epoll_ctl(g->epfd, EPOLL_CTL_DEL, g->ours[i], NULL);
		ports[i] = g->ours[i];
		g->ours[i] = -1;
	}
}

/* A greeting of this connection was sent to its own ports. */
int vagent_priv_guest_take_ports(struct vagent_guest *g, const int ports[VAGENT_PORTS])
{
	int i;

	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&g->ours[i]);
	vagent_guest_close_ports(g);
	vagent_priv_channel_free(&g->control);
	g->control = (struct vagent_priv_channel){ .fd = -1 };
	memcpy(g->ours, ports, sizeof(g->ours));
	return vagent_priv_guest_use_ports(g);
}

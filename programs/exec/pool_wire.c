/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages of pools. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "exec/pool_wire.h"

static const struct rule {
	size_t min, max;	/* of the payload */
	unsigned int nfds;
} rules[VMM_POOL_MESSAGES] = {
	[VMM_POOL_HELLO] = { sizeof(uint32_t), VMM_POOL_MAX_PAYLOAD, 0 },
	[VMM_POOL_REFUSED] = { 0, VMM_POOL_MAX_SENTENCE, 0 },
	[VMM_POOL_TAKEN] = { 0, 0, VMM_POOL_FDS },
	[VMM_POOL_TERMINATE] = { 0, 0, 0 },
	[VMM_POOL_ENDED] = { sizeof(uint32_t), sizeof(uint32_t) + VMM_POOL_MAX_SENTENCE, 0 },
	[VMM_POOL_READY] = { 1, VMM_POOL_MAX_PAYLOAD, 0 },
	[VMM_POOL_TAKE] = { 0, 0, 1 },
	[VMM_POOL_REQUEST] = { 1, VMM_POOL_MAX_PAYLOAD, 0 },
	[VMM_POOL_EXECUTE] = { sizeof(uint32_t), sizeof(uint32_t), VMM_POOL_STREAMS },
	[VMM_POOL_STARTED] = { 0, 0, 0 },
	[VMM_POOL_SIGNAL] = { sizeof(uint32_t), sizeof(uint32_t), 0 },
	[VMM_POOL_SIZE] = { 2 * sizeof(uint16_t), 2 * sizeof(uint16_t), 0 },
};

static bool is_valid(uint32_t type, size_t len, unsigned int nfds)
{
	return type && type < VMM_POOL_MESSAGES && len >= rules[type].min && len <= rules[type].max &&
	       nfds == rules[type].nfds;
}

int vmm_pool_send(int sock, enum vmm_pool_message type, const void *payload, size_t len,
		  const int *fds, unsigned int nfds)
{
	const uint32_t number = (uint32_t)type;
	const struct iovec iov[] = {
		{ (void *)(uintptr_t)&number, sizeof(number) }, { (void *)(uintptr_t)payload, len },
	};
	ssize_t n;

	if (!is_valid(number, len, nfds))
		return -EMSGSIZE;
	n = vsu_sock_send(sock, iov, len ? 2 : 1, fds, nfds);
	return n < 0 ? (int)n : 0;
}

static void close_fds(int *fds, unsigned int n)
{
	while (n)
		vsu_fd_close(&fds[--n]);
}

int vmm_pool_receive(int sock, struct vmm_pool_packet *p)
{
	const struct iovec iov[] = { { &p->type, sizeof(p->type) }, { p->payload, sizeof(p->payload) } };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds;
	ssize_t n = vsu_sock_recv(sock, iov, 2, fds, &nfds);

	p->nfds = 0;
	p->len = n < (ssize_t)sizeof(p->type) ? 0 : (size_t)n - sizeof(p->type);
	if (n >= 0 && (n < (ssize_t)sizeof(p->type) || !is_valid(p->type, p->len, nfds)))
		n = n ? -EBADMSG : -ECONNRESET;
	if (n < 0) {
		close_fds(fds, nfds);
		return n == -EINTR ? -EAGAIN : (int)n;
	}
	p->payload[p->len] = '\0';
	p->nfds = nfds;
	memcpy(p->fds, fds, nfds * sizeof(fds[0]));
	return 0;
}

bool vmm_pool_is_of(int sock, uid_t user)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.uid == user;
}

void vmm_pool_packet_close(struct vmm_pool_packet *p)
{
	close_fds(p->fds, p->nfds);
	p->nfds = 0;
}

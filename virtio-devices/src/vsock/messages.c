/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* SEQPACKET messages between packets and a UNIX socket. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "vsock/messages.h"

/* Flag in an end: it also ends a record. Lengths never reach this bit. */
#define RECORD (UINT32_C(1) << 31)

#define FIRST_ROOM 16u

/* Overhead of a socket buffer. */
#define OWN_ROOM 32

/* ------------------------------------------------------------------ the socket */

static int send_room(int fd, uint32_t *room)
{
	int value = 0;
	socklen_t len = sizeof(value);

	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len) < 0)
		return -errno;
	*room = value > OWN_ROOM ? (uint32_t)value - OWN_ROOM : 0;
	return 0;
}

int virtdev_priv_vsock_messages_begin(int fd, uint32_t *most)
{
	const int wanted = (int)*most, one = 1;
	uint32_t room;
	int rc = send_room(fd, &room);

	if (rc >= 0 && room < *most) {
		/* limited by the host */
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
		rc = send_room(fd, &room);
	}
	if (rc >= 0 && setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &one,
				  sizeof(one)) < 0)
		rc = -errno;
	if (rc >= 0 && room < *most)
		*most = room;
	return rc;
}

/* An empty message needs an empty piece: some kernel emulators drop it otherwise. */
ssize_t virtdev_priv_vsock_message_send(int fd, struct iovec *iov, int n,
					bool record)
{
	struct iovec none = { NULL, 0 };
	const struct msghdr msg = { .msg_iov = n ? iov : &none,
				    .msg_iovlen = n ? (size_t)n : 1 };
	const int flags = MSG_NOSIGNAL | MSG_DONTWAIT |
			  (record ? MSG_EOR : 0);
	ssize_t rc;

	do
		rc = sendmsg(fd, &msg, flags);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : rc;
}

/* Truncated credentials distinguish an empty message from the end. */
int virtdev_priv_vsock_message_receive(int fd, struct iovec *iov, int n,
				       size_t *len, bool *record)
{
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = (size_t)n };
	ssize_t rc;

	do
		rc = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_TRUNC);
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return -errno;
	if (!rc && !(msg.msg_flags & MSG_CTRUNC))
		return 0;
	*len = (size_t)rc;
	*record = msg.msg_flags & MSG_EOR;
	return 1;
}

/* -------------------------------------------------------------- from the guest */

static int ends_grow(struct vsock_messages *m)
{
	const uint32_t room = m->room ? m->room * 2 : FIRST_ROOM;
	uint32_t *ends = calloc(room, sizeof(*ends)), i;

	if (!ends)
		return -ENOMEM;
	for (i = 0; i < m->count; i++)
		ends[i] = m->ends[(m->first + i) % m->room];
	free(m->ends);
	m->ends = ends;
	m->room = room;
	m->first = 0;
	return 0;
}

int virtdev_priv_vsock_messages_end(struct vsock_messages *m, uint32_t max,
				    bool record)
{
	int rc = 0;

	if (m->count >= max)
		return -EMSGSIZE;
	if (m->count == m->room)
		rc = ends_grow(m);
	if (rc < 0)
		return rc;
	m->ends[(m->first + m->count++) % m->room] =
		m->open | (record ? RECORD : 0);
	m->open = 0;
	return 0;
}

ssize_t virtdev_priv_vsock_messages_send(struct vsock_messages *m,
					 struct vsock_backlog *b, int fd)
{
	const uint32_t end = m->ends[m->first], len = end & ~RECORD;
	struct iovec iov[2];
	const int n = virtdev_priv_vsock_backlog_iov(b, len, iov);
	ssize_t rc = virtdev_priv_vsock_message_send(fd, iov, n, end & RECORD);

	if (rc < 0)
		return rc;
	virtdev_priv_vsock_backlog_skip(b, len);
	m->first = (m->first + 1) % m->room;
	m->count--;
	return (ssize_t)len;
}

void virtdev_priv_vsock_messages_drop(struct vsock_messages *m)
{
	free(m->ends);
	*m = (struct vsock_messages){ .ends = NULL };
}

/* ---------------------------------------------------------------- to the guest */

int virtdev_priv_vsock_rest_keep(struct vsock_rest *r, const void *bytes,
				 uint32_t len, bool record)
{
	r->bytes = malloc(len);
	if (!r->bytes)
		return -ENOMEM;
	memcpy(r->bytes, bytes, len);
	r->at = 0;
	r->len = len;
	r->record = record;
	return 0;
}

void virtdev_priv_vsock_rest_drop(struct vsock_rest *r)
{
	free(r->bytes);
	r->bytes = NULL;
}

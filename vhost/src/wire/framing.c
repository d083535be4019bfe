/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Framed messages over a socket: creation and teardown. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/framing.h"
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

int vhost_user_priv_channel_init_take_fd(struct vhost_user_priv_channel *ch,
					 int sock,
					 enum vhost_user_side side,
					 bool replies, size_t out_max,
					 struct vsu_error *err)
{
	int rc;

	if (vsu_sock_is_unix_stream(sock) != 1)
		return vsu_error_set(err, -ENOTSOCK,
				     "descriptor %d is not a UNIX stream socket",
				     sock);
	rc = vsu_fd_set_nonblock(sock);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make socket %d non-blocking",
				     sock);
	memset(ch, 0, offsetof(struct vhost_user_priv_channel, in_bytes));
	ch->fd = sock;
	ch->side = side;
	ch->replies = replies;
	ch->out_max = out_max;
	return 0;
}

void vhost_user_priv_channel_set_closer(struct vhost_user_priv_channel *ch,
					struct vsu_closer *closer)
{
	ch->in.closer = closer;
}

void vhost_user_priv_close_foreign(struct vsu_closer *closer, int *fds,
				   unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		vsu_foreign_close(closer, &fds[i]);
}

/*
 * Closing the socket also closes descriptors in unread messages, which may
 * block on their file server. shutdown() notifies the peer immediately; the
 * closer closes.
 */
static void close_socket(struct vhost_user_priv_channel *ch)
{
	if (ch->in.closer)
		shutdown(ch->fd, SHUT_RDWR);
	vsu_foreign_close(ch->in.closer, &ch->fd);
}

void vhost_user_priv_channel_fini(struct vhost_user_priv_channel *ch)
{
	vhost_user_priv_msg_close_fds(&ch->in);
	vhost_user_priv_close_foreign(ch->in.closer, ch->late, ch->nlate);
	ch->nlate = 0;
	vhost_user_priv_channel_drop_out(ch);
	close_socket(ch);
}

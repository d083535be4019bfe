/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether the server listens, and when it tries again. */
#include <config.h>

#include <sys/epoll.h>

#include <vmm-sys-util/event.h>

#include "vhost_user/server_priv.h"

/* How long accepting pauses when this process has no descriptor left. */
#define PAUSE_NS UINT64_C(100000000)

/* Without its timer nobody would look again: the server has ended. */
void virtdev_priv_server_wake_after(struct virtdev_vhost_user_server *s,
				    uint64_t ns)
{
	int rc = vsu_timer_arm(s->timer, ns);

	if (rc < 0 && !s->ended)
		s->ended = rc;
}

/* When the host lacks what it takes to listen, now may be too early. */
void virtdev_priv_server_listen_again(struct virtdev_vhost_user_server *s)
{
	if (s->listener < 0 || s->listening || s->stopping)
		return;
	if (s->session && !vhost_user_backend_is_silent(s->session))
		return;
	s->listening = virtdev_priv_server_watch(s->epfd, s->listener, EPOLLIN,
						 EVENT_LISTENER, 0) == 0;
	if (!s->listening)
		virtdev_priv_server_wake_after(s, PAUSE_NS);
}

void virtdev_priv_server_listen_no_more(struct virtdev_vhost_user_server *s)
{
	if (s->listening)
		epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->listener, NULL);
	s->listening = false;
}

void virtdev_priv_server_listen_later(struct virtdev_vhost_user_server *s)
{
	virtdev_priv_server_listen_no_more(s);
	virtdev_priv_server_wake_after(s, PAUSE_NS);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end channel: our requests to the front-end. Nothing here waits; a
 * device whose rings are all stopped sends nothing (a suspended device must
 * not), what it has to say is kept until a ring starts.
 */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include "backend/backend_priv.h"
#include <vmm-sys-util/sock.h>

/* Requests are few and small; a peer that lets them pile up loses them. */
#define OUT_MAX 8192u

int vhost_user_priv_check_backend_req_fd(struct vhost_user_backend *b,
					 struct vhost_user_priv_msg *msg,
					 struct vsu_error *err)
{
	(void)b;
	if (vsu_sock_is_unix_stream(msg->fds[0]) != 1)
		return vsu_error_set(err, -EINVAL,
				     "SET_BACKEND_REQ_FD: its descriptor is not a UNIX stream socket");
	return VHOST_USER_PRIV_GO;
}

void vhost_user_priv_requests_close(struct vhost_user_backend *b)
{
	if (!b->have_requests)
		return;
	/* the peer may hold the same socket: closing ours would not remove it */
	epoll_ctl(b->epoll, EPOLL_CTL_DEL, b->requests.fd, NULL);
	vhost_user_priv_channel_fini(&b->requests);
	b->have_requests = false;
	b->requests_events = 0;
	vhost_user_priv_shmem_cancel(b);
	b->asked_first = b->nasked = 0;
}

static int watch(struct vhost_user_backend *b, int op, uint32_t events)
{
	struct epoll_event ev = {
		.events = events,
		.data.u32 = VHOST_USER_PRIV_WATCH_REQUESTS,
	};

	if (epoll_ctl(b->epoll, op, b->requests.fd, &ev) < 0)
		return -errno;
	b->requests_events = events;
	return 0;
}

int vhost_user_priv_set_backend_req_fd(struct vhost_user_backend *b,
				       struct vhost_user_priv_msg *msg,
				       struct vsu_error *err)
{
	int fd = msg->fds[0], rc;

	vhost_user_priv_requests_close(b);
	rc = vhost_user_priv_channel_init_take_fd(&b->requests, fd,
						  VHOST_USER_PRIV_BACKEND,
						  true, OUT_MAX, err);
	if (rc < 0)
		return rc;
	vhost_user_priv_msg_take_fd(msg, 0);
	b->have_requests = true;
	rc = watch(b, EPOLL_CTL_ADD, EPOLLIN);
	if (rc < 0) {
		vhost_user_priv_requests_close(b);
		return vsu_error_sys(err, rc, "cannot wait for the back-end channel");
	}
	vhost_user_priv_requests_pump(b);
	return 0;
}

/* Waits for the socket to take more, only while something is left. */
void vhost_user_priv_requests_flush(struct vhost_user_backend *b)
{
	uint32_t events = EPOLLIN;

	if (!b->have_requests)
		return;
	if (vhost_user_priv_channel_flush(&b->requests, NULL) < 0) {
		vhost_user_priv_requests_close(b);
		return;
	}
	if (vhost_user_priv_channel_wants_write(&b->requests))
		events |= EPOLLOUT;
	if (events != b->requests_events && watch(b, EPOLL_CTL_MOD, events) < 0)
		vhost_user_priv_requests_close(b);
}

/* One message says it, however often the configuration changed before. */
void vhost_user_priv_requests_pump(struct vhost_user_backend *b)
{
	if (!b->have_requests || !b->config_pending ||
	    vhost_user_priv_channel_wants_write(&b->requests) ||
	    !vhost_user_priv_any_started(b))
		return;
	b->config_pending = false;
	if (vhost_user_priv_channel_send(&b->requests,
					 VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
					 VHOST_USER_HDR_VERSION, NULL, 0, NULL,
					 0, NULL, 0, NULL) < 0)
		vhost_user_priv_requests_close(b);
	else
		vhost_user_priv_requests_flush(b);
}

/* A wrong answer, or one that nobody waits for, breaks the channel. */
void vhost_user_priv_requests_ready(struct vhost_user_backend *b)
{
	struct vhost_user_priv_msg *msg;
	int rc = 1;

	/* no longer than requests are unanswered */
	while (rc > 0 && b->have_requests) {
		rc = vhost_user_priv_channel_recv(&b->requests, &msg, NULL);
		if (rc < 0 || (rc > 0 && !vhost_user_priv_shmem_answer(b, msg)))
			vhost_user_priv_requests_close(b);
	}
	vhost_user_priv_requests_flush(b);
	vhost_user_priv_requests_pump(b);
}

int vhost_user_backend_config_changed(struct vhost_user_backend *b)
{
	if (!(b->protocol_features & VHOST_USER_PROTOCOL_BIT(CONFIG)) ||
	    !b->have_requests)
		return -EOPNOTSUPP;
	b->config_pending = true;
	vhost_user_priv_requests_pump(b);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end channel on the front-end's side. Its requests are served between
 * replies on the main socket, so that no deadlock is possible in which each
 * side waits for the other.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "frontend/priv.h"
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

/* Maximum number of requests per turn. */
#define BUDGET		FE_SHMEM_BATCH
/* Requests with unexpected descriptors after which the channel is closed. */
#define MAX_STRAYS	16u
/*
 * Maximum number of reply bytes that the back-end has not read. The next
 * request is read when they are sent.
 */
#define BACK_OUT_MAX	4096u

/* ------------------------------------------------------------------- offer */

static int channel_adopt(struct vhost_user_frontend *f, int sock, struct vsu_error *err)
{
	struct epoll_event event = {
		.events = EPOLLIN, .data.u32 = FE_WATCH_BACKEND_CHANNEL,
	};
	int rc;

	rc = vhost_user_priv_channel_init_take_fd(&f->backend_channel, sock,
						  VHOST_USER_SIDE_BACKEND,
						  false, BACK_OUT_MAX, err);
	if (rc < 0) {
		vsu_fd_close(&sock);
		return rc;
	}
	vhost_user_priv_channel_set_closer(&f->backend_channel,
					   f->shm.table.closer);
	f->has_backend_channel = true;
	f->wait.channel_events = EPOLLIN;
	if (epoll_ctl(f->wait.epoll_fd, EPOLL_CTL_ADD, f->backend_channel.fd, &event) < 0) {
		rc = vsu_error_sys(err, -errno, "back-end channel");
		vhost_user_priv_fe_backend_channel_close(f);
		return rc;
	}
	return 0;
}

static int send_end(struct vhost_user_frontend *f, int fd,
		    struct vsu_error *err)
{
	const struct fe_request r = {
		.number = VHOST_USER_SET_BACKEND_REQ_FD,
		.fds = &fd,
		.nfds = 1,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}

int vhost_user_priv_fe_backend_channel_offer(struct vhost_user_frontend *f,
				     unsigned int item, struct vsu_error *err)
{
	int pair[2], rc;

	(void)item;
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_BACKEND_REQ))
		return 0;
	rc = vsu_sock_pair(pair);
	if (rc < 0)
		return vsu_error_sys(err, rc,
				     "cannot make the back-end channel");
	rc = channel_adopt(f, pair[0], err);
	if (!rc) {
		rc = send_end(f, pair[1], err);
		if (rc < 0)	/* it is created again when descriptors are available */
			vhost_user_priv_fe_backend_channel_close(f);
	}
	vsu_fd_close(&pair[1]);
	return rc;
}

void vhost_user_priv_fe_backend_channel_close(struct vhost_user_frontend *f)
{
	if (!f->has_backend_channel)
		return;
	vhost_user_priv_fe_shmem_abandon(f);
	/* the closer may delay close(), so remove it from epoll now */
	epoll_ctl(f->wait.epoll_fd, EPOLL_CTL_DEL, f->backend_channel.fd, NULL);
	vhost_user_priv_channel_fini(&f->backend_channel);
	f->has_backend_channel = false;
}

/* ------------------------------------------------------------------- serve */

/* Refuses requests with a format that the table does not permit. */
static int request_judge(struct vhost_user_frontend *f,
			 const struct vhost_user_message *row,
			 const struct fe_handler *h,
			 const struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	unsigned int min, max;
	int rc;

	if (!h)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "it is not supported here");
	if (row->protocol_bit != VHOST_USER_NO_BIT &&
	    !fe_has(f, row->protocol_bit))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "its protocol feature was not negotiated");
	rc = vhost_user_priv_check_request(row, msg, err);
	if (rc < 0)
		return rc;
	vhost_user_priv_request_fds(row, msg, &min, &max);
	if (msg->nfds < min || msg->nfds > max)
		return vsu_error_set(err, -EPROTO,
				     "it has %u descriptors; expected %u to %u",
				     msg->nfds, min, max);
	return 0;
}

/* Reports a refused request of the back-end and the reason to the owner. */
static void report_request(struct vhost_user_frontend *f,
			   const struct vhost_user_message *row,
			   uint32_t request, struct vsu_error *why)
{
	if (row)
		vsu_error_prefix(why, why->code,
				 "the back-end's request %s was refused",
				 row->name);
	else
		vsu_error_prefix(why, why->code,
				 "the back-end's request %" PRIu32 " was refused",
				 request);
	vhost_user_priv_fe_report(f, why);
}

static int count_strays(struct vhost_user_frontend *f,
			const struct vhost_user_message *row,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	unsigned int min, max = 0;

	if (row)
		vhost_user_priv_request_fds(row, msg, &min, &max);
	if (msg->nfds <= max || ++f->channel_strays < MAX_STRAYS)
		return 0;
	return vsu_error_set(err, -EPROTO,
			     "%u requests had unexpected descriptors",
			     f->channel_strays);
}

static int serve_one(struct vhost_user_frontend *f,
		     const struct vhost_user_message *row,
		     const struct fe_handler *h,
		     struct vhost_user_priv_msg *msg, int answer,
		     struct vsu_error *why, struct vsu_error *err)
{
	bool always = row && row->reply == VHOST_USER_REPLY_STATUS;
	int fd = -1, rc = 0;

	if (!answer)
		answer = h->serve(f, msg, &fd, why);
	if (always || (f->acks && (msg->hdr.flags & VHOST_USER_HDR_NEED_REPLY)))
		rc = vhost_user_priv_fe_backend_channel_reply(f,
				msg->hdr.request, answer,
				answer < 0 ? -1 : fd, err);
	vsu_fd_close(&fd);
	return rc;
}

/*
 * A request that cannot join the batch is handled after the batch, and waits if
 * the batch has to wait.
 */
static int request_serve(struct vhost_user_frontend *f,
			 struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_message *row =
		vhost_user_message(VHOST_USER_SIDE_BACKEND,
					msg->hdr.request);
	const struct fe_handler *h = row ?
		f->handlers[VHOST_USER_SIDE_BACKEND][row->number] : NULL;
	struct vsu_error why;
	int rc = 0, judged;

	vhost_user_priv_no_error(&why);
	f->shm.held = msg;
	if (!vhost_user_priv_fe_shmem_joins(f, msg->hdr.request))
		rc = vhost_user_priv_fe_shmem_flush(f, err);
	if (rc < 0 || f->shm.parked)
		return rc;
	f->shm.held = NULL;
	judged = request_judge(f, row, h, msg, &why);
	rc = count_strays(f, row, msg, err);
	if (rc < 0)
		goto out;
	if (h && h->join)
		judged = h->join(f, msg, judged, &why);
	else
		rc = serve_one(f, row, h, msg, judged, &why, err);
	if (judged < 0 || why.code < 0)
		report_request(f, row, msg->hdr.request, &why);
out:
	vhost_user_priv_msg_close_fds(msg);
	return rc;
}

/*
 * Closes only the channel: the device works without it, and existing mappings
 * stay. A back-end may close it at any time; other reasons are reported.
 */
static void end_channel(struct vhost_user_frontend *f, int rc,
			struct vsu_error *err)
{
	vhost_user_priv_fe_backend_channel_close(f);
	if (rc == -ECONNRESET)
		return;
	vsu_error_prefix(err, rc,
			 "the back-end channel is closed; the device continues without it");
	vhost_user_priv_fe_report(f, err);
}

/* 1: a request was served, 0: none is available, or it has to wait. */
static int serve_next(struct vhost_user_frontend *f, struct vsu_error *err)
{
	struct vhost_user_priv_msg *msg = f->shm.held;
	int rc = 1;

	if (!msg)
		rc = vhost_user_priv_channel_recv(&f->backend_channel, &msg, err);
	if (rc <= 0)
		return rc;
	rc = request_serve(f, msg, err);
	return rc < 0 ? rc : !f->shm.parked;
}

/* Replies of one turn are sent together; the queue has room for all. */
static int serve_some(struct vhost_user_frontend *f, unsigned int *n,
		      struct vsu_error *err)
{
	int rc = vhost_user_priv_channel_flush(&f->backend_channel, err);

	if (rc < 0 || vhost_user_priv_channel_wants_write(&f->backend_channel))
		return rc;
	rc = vhost_user_priv_fe_shmem_resume(f, err);
	if (rc < 0 || f->shm.parked)
		return rc;
	while (*n < BUDGET && (rc = serve_next(f, err)) > 0)
		(*n)++;
	if (rc >= 0 && !f->shm.parked)
		rc = vhost_user_priv_fe_shmem_flush(f, err);
	return rc < 0 ? rc : vhost_user_priv_channel_flush(&f->backend_channel, err);
}

bool vhost_user_priv_fe_backend_channel_serve(struct vhost_user_frontend *f,
					      unsigned int *n)
{
	struct vsu_error err;
	int rc;

	vhost_user_priv_no_error(&err);
	*n = 0;
	if (!f->has_backend_channel)
		return false;
	rc = serve_some(f, n, &err);
	if (rc < 0) {
		end_channel(f, rc, &err);
		return false;
	}
	vhost_user_priv_fe_watch_backend_channel(f);
	return *n == BUDGET && !f->shm.parked && f->wait.channel_events == EPOLLIN;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(SET_BACKEND_REQ_FD) },
};
FE_HANDLERS(channel, rows);

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "channel_rig.h"

const uint64_t channel_sizes[4] = { CHANNEL_REGION, 0, 0, 4 * CHANNEL_REGION };

void channel_prepare(struct channel_rig *f)
{
	rig_prepare(&f->r);
	f->r.config.shmem_sizes = channel_sizes;
	f->r.config.nshmem = 4;
	f->channel = -1;
}

void channel_renew(struct channel_rig *f)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    ends), 0);
	ck_assert_uint_eq(rig_ack(&f->r, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &ends[1], 1), 0);
	vsu_fd_close(&ends[1]);
	vsu_fd_close(&f->channel);
	f->channel = ends[0];
}

void channel_init(struct channel_rig *f)
{
	channel_prepare(f);
	rig_start(&f->r);
	rig_up(&f->r);
	channel_renew(f);
}

void channel_end_acknowledgements(struct channel_rig *f)
{
	uint64_t bits = VHOST_USER_PROTOCOL_BIT(SHMEM) |
			VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
			VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD);

	rig_send(&f->r, VHOST_USER_SET_PROTOCOL_FEATURES,
		 VHOST_USER_HDR_VERSION, &bits, sizeof(bits), NULL, 0);
	rig_expect_silence(&f->r);
}

void channel_fini(struct channel_rig *f)
{
	vsu_fd_close(&f->channel);
	rig_fini(&f->r);
}

bool channel_next(struct channel_rig *f, struct channel_request *a)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov[2] = { { &a->hdr, 12 }, { &a->m, sizeof(a->m) } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n = recvmsg(f->channel, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	a->fd = -1;
	if (n < 0)
		return false;
	ck_assert_int_eq(n, 12 + 40);
	c = CMSG_FIRSTHDR(&msg);
	if (c) {
		ck_assert_uint_eq(c->cmsg_len, CMSG_LEN(sizeof(int)));
		memcpy(&a->fd, CMSG_DATA(c), sizeof(int));
	}
	return true;
}

void channel_reply(struct channel_rig *f, uint32_t request, uint64_t value)
{
	struct { struct vhost_user_header hdr; uint32_t value[2]; } m = {
		{ request, 5, 8 }, { (uint32_t)value, (uint32_t)(value >> 32) }
	};

	ck_assert_int_eq(send(f->channel, &m, 20, 0), 20);
	ck_assert_int_ge(rig_dispatch(&f->r), 0);
}

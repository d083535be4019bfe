/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A scripted back-end for tests of the front-end. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define REPLY (VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY)

void peer_init(struct peer *p, int sock)
{
	memset(p, 0, sizeof(*p));
	p->sock = sock;
	p->back = -1;
	p->extra = -1;
	p->inflight = -1;
	p->features = UINT64_C(1) << 32 | VHOST_USER_F_PROTOCOL_FEATURES |
		      UINT64_C(1) << 9;
	p->protocol = VHOST_USER_PROTOCOL_BIT(MQ) |
		      VHOST_USER_PROTOCOL_BIT(LOG_SHMFD) |
		      VHOST_USER_PROTOCOL_BIT(REPLY_ACK) |
		      VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
		      VHOST_USER_PROTOCOL_BIT(CONFIG) |
		      VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	p->queue_num = 4;
	p->max_slots = 509;
}

static void drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void peer_fini(struct peer *p)
{
	drop(&p->sock);
	drop(&p->back);
}

static void attach(struct msghdr *msg, const int *fds, unsigned int nfds)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
}

static void send_raw(int sock, const void *buf, size_t len, const int *fds,
		     unsigned int nfds)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(PEER_FDS * sizeof(int))];
	} control;
	/* iovec has no const form */
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memset(&control, 0, sizeof(control));
	if (nfds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		attach(&msg, fds, nfds);
	}
	(void)!sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/* hdr->size may announce more than size bytes. */
static void send_msg(int sock, const struct vhost_user_header *hdr,
		     const void *payload, uint32_t size, const int *fds,
		     unsigned int nfds)
{
	unsigned char buf[sizeof(*hdr) + 4096];

	memcpy(buf, hdr, sizeof(*hdr));
	if (size)
		memcpy(buf + sizeof(*hdr), payload, size);
	send_raw(sock, buf, sizeof(*hdr) + size, fds, nfds);
}

void peer_send(struct peer *p, uint32_t request, uint32_t flags,
	       const void *payload, uint32_t size, int fd)
{
	const struct vhost_user_header hdr = { request, flags, size };

	send_msg(p->sock, &hdr, payload, size, &fd, fd >= 0);
}

/* ------------------------------------------------------------------ receive */

static void keep_fds(struct peer *p, struct msghdr *msg)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);
	int fds[PEER_FDS];
	unsigned int i;

	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	p->last.nfds = (unsigned int)((cmsg->cmsg_len - CMSG_LEN(0)) /
				      sizeof(int));
	memcpy(fds, CMSG_DATA(cmsg), p->last.nfds * sizeof(int));
	p->last.access = fcntl(fds[0], F_GETFL) & O_ACCMODE;
	for (i = 0; i < p->last.nfds; i++) {
		if (p->last.hdr.request == VHOST_USER_SET_BACKEND_REQ_FD)
			p->back = fds[i];
		else
			close(fds[i]);
	}
}

/*
 * The front-end writes whole messages: once the header is readable, so is the
 * rest.
 */
static bool receive(struct peer *p)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(PEER_FDS * sizeof(int))];
	} control;
	struct iovec iov = { &p->last.hdr, sizeof(p->last.hdr) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	if (p->sock < 0 || recvmsg(p->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
	    (ssize_t)sizeof(p->last.hdr))
		return false;
	p->last.nfds = 0;
	keep_fds(p, &msg);
	memset(p->last.payload, 0, sizeof(p->last.payload));
	return !p->last.hdr.size ||
	       recv(p->sock, p->last.payload, p->last.hdr.size, MSG_WAITALL) ==
	       (ssize_t)p->last.hdr.size;
}

static uint64_t word(const struct peer *p)
{
	uint64_t value;

	memcpy(&value, p->last.payload, sizeof(value));
	return value;
}

static void note(struct peer *p)
{
	uint32_t request = p->last.hdr.request;

	if (p->n < PEER_LOG) {
		p->log[p->n] = request;
		p->flags[p->n] = p->last.hdr.flags;
	}
	p->n++;
	if (request == VHOST_USER_SET_PROTOCOL_FEATURES)
		p->acked = word(p);
	if (request == VHOST_USER_SET_FEATURES)
		p->set_features = word(p);
	if (request == VHOST_USER_SET_STATUS)
		p->status = (uint8_t)word(p);
}

/* ------------------------------------------------------------------- answer */

/*
 * In postcopy: the memory table with the addresses where the back-end mapped
 * it.
 */
static int mapped_table(const struct peer *p, unsigned char *out)
{
	struct vhost_user_mem_table t;
	uint32_t i;

	memcpy(&t, p->last.payload, sizeof(t));
	for (i = 0; i < t.nregions; i++)
		t.regions[i].user_addr = PEER_BASE + t.regions[i].guest_addr;
	memcpy(out, &t, p->last.hdr.size);
	return t.nregions ? (int)p->last.hdr.size : -1;
}

/* The payload of a correct reply, or -1 if the request has none. */
static int correct_reply(struct peer *p, unsigned char *out)
{
	uint64_t area_len;
	const struct { uint32_t request; uint64_t value; } words[] = {
		{ VHOST_USER_GET_FEATURES, p->features },
		{ VHOST_USER_GET_PROTOCOL_FEATURES, p->protocol },
		{ VHOST_USER_GET_QUEUE_NUM, p->queue_num },
		{ VHOST_USER_GET_MAX_MEM_SLOTS, p->max_slots },
		{ VHOST_USER_GET_STATUS, p->status },
	};
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].request != p->last.hdr.request)
			continue;
		memcpy(out, &words[i].value, 8);
		return 8;
	}
	memcpy(out, p->last.payload, p->last.hdr.size);
	switch (p->last.hdr.request) {
	case VHOST_USER_SET_MEM_TABLE:
		if (p->listening)
			return mapped_table(p, out);
		break;
	case VHOST_USER_POSTCOPY_ADVISE:
		return 0;
	case VHOST_USER_IOTLB_MSG:
		memset(out, 0, 8);
		return 8;
	case VHOST_USER_POSTCOPY_LISTEN:
	case VHOST_USER_POSTCOPY_END:
		p->listening = p->last.hdr.request == VHOST_USER_POSTCOPY_LISTEN;
		memset(out, 0, 8);
		return 8;
	case VHOST_USER_GET_SHMEM_CONFIG:
		memcpy(out, &p->shmem, sizeof(p->shmem));
		return (int)sizeof(p->shmem);
	case VHOST_USER_GET_VRING_BASE:
		memcpy(out + 4, &p->base, 4);
		return 8;
	case VHOST_USER_GET_INFLIGHT_FD:
		memset(out, 0, 16);
		area_len = p->inflight < 0 ? 0 : 4096;
		memcpy(out, &area_len, sizeof(area_len));
		return (int)p->last.hdr.size;
	case VHOST_USER_GET_CONFIG:
		memset(out + sizeof(struct vhost_user_config), 0x5a,
		       p->last.hdr.size - sizeof(struct vhost_user_config));
		return (int)p->last.hdr.size;
	}
	memset(out, 0, 8);
	return p->last.hdr.flags & VHOST_USER_HDR_NEED_REPLY ? 8 : -1;
}

/* A reply, with the deviation applied. */
struct answer {
	uint32_t request, flags, size, announced;
	int fd;
	unsigned char payload[4096];
};

static void leave(struct peer *p)
{
	drop(&p->sock);
	drop(&p->back);
}

static void deviation(struct peer *p, struct answer *a)
{
	switch (p->deviation) {
	case PEER_WRONG_NUMBER:
		a->request++;
		break;
	case PEER_NO_REPLY_BIT:
		a->flags = VHOST_USER_HDR_VERSION;
		break;
	case PEER_EXTRA_FLAG:
		a->flags |= VHOST_USER_HDR_NEED_REPLY;
		break;
	case PEER_WRONG_VERSION:
		a->flags = VHOST_USER_HDR_REPLY | 2;
		break;
	case PEER_SHORT:
		a->size = a->announced = a->size - 4;
		break;
	case PEER_LONG:
		a->size = a->announced = a->size + 8;
		break;
	case PEER_EMPTY:
		a->size = a->announced = 0;
		break;
	case PEER_HUGE:
		a->announced = 65536;
		break;
	case PEER_WITH_FD:
		a->fd = p->extra;
		break;
	case PEER_REFUSE:
		memcpy(a->payload, &(uint64_t){ 1 }, 8);
		break;
	case PEER_VALUE:
		memcpy(a->payload + p->value_at, &p->value, 8);
		break;
	default:
		break;
	}
}

static void send_answer(struct peer *p, bool twisted)
{
	struct answer a = { p->last.hdr.request, REPLY, 0, 0, -1, { 0 } };
	struct vhost_user_header hdr;
	int size = correct_reply(p, a.payload);

	if (size < 0)
		return;
	a.size = a.announced = (uint32_t)size;
	if (a.request == VHOST_USER_GET_INFLIGHT_FD)
		a.fd = p->inflight;
	if (twisted)
		deviation(p, &a);
	hdr.request = a.request;
	hdr.flags = a.flags;
	hdr.size = a.announced;
	send_msg(p->sock, &hdr, a.payload, a.size, &a.fd, a.fd >= 0);
	if (twisted && p->deviation == PEER_TWICE)
		send_msg(p->sock, &hdr, a.payload, a.size, NULL, 0);
}

static bool is_twisted(const struct peer *p)
{
	return p->deviation != PEER_CORRECT &&
	       (p->deviation_at ? p->last.hdr.request == p->deviation_at :
			      p->n == p->deviation_count);
}

bool peer_step(struct peer *p)
{
	bool twisted;

	if (p->leaving && p->sock >= 0) {
		leave(p);
		return false;
	}
	if (!receive(p))
		return false;
	note(p);
	twisted = is_twisted(p);
	if (twisted && p->deviation == PEER_HANG_UP)
		leave(p);
	else if (twisted && p->deviation == PEER_HALF_HEADER)
		send_raw(p->sock, &p->last.hdr, 6, NULL, 0);
	else if (!twisted || p->deviation != PEER_SILENT)
		send_answer(p, twisted);
	p->leaving |= twisted && p->deviation == PEER_ACCEPT_AND_LEAVE;
	return true;
}

/* ------------------------------------------------------------------ queries */

unsigned int peer_first(const struct peer *p, uint32_t request)
{
	unsigned int i;

	for (i = 0; i < p->n && i < PEER_LOG; i++)
		if (p->log[i] == request)
			return i;
	return PEER_LOG;
}

unsigned int peer_count(const struct peer *p, uint32_t request)
{
	unsigned int i, n = 0;

	for (i = 0; i < p->n && i < PEER_LOG; i++)
		n += p->log[i] == request;
	return n;
}

/* --------------------------------------------------------- back-end channel */

void peer_ask_fds(struct peer *p, uint32_t request, uint32_t flags,
		  const void *payload, uint32_t size, const int *fds,
		  unsigned int nfds)
{
	const struct vhost_user_header hdr = {
		request, flags | VHOST_USER_HDR_VERSION, size
	};

	send_msg(p->back, &hdr, payload, size, fds, nfds);
}

void peer_ask(struct peer *p, uint32_t request, uint32_t flags,
	      const void *payload, uint32_t size, int fd)
{
	peer_ask_fds(p, request, flags, payload, size, &fd, fd >= 0);
}

int64_t peer_answer(struct peer *p)
{
	struct vhost_user_header hdr;
	uint64_t value;

	if (recv(p->back, &hdr, sizeof(hdr), MSG_DONTWAIT) !=
	    (ssize_t)sizeof(hdr) || hdr.flags != REPLY || hdr.size != 8 ||
	    recv(p->back, &value, sizeof(value), MSG_DONTWAIT) !=
	    (ssize_t)sizeof(value))
		return -1;
	return (int64_t)value;
}

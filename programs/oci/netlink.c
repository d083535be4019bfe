/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Builds, sends and reads messages of rtnetlink. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "oci/netlink.h"

#define ANSWER_S 10

int oci_netlink_open(void)
{
	const struct timeval limit = { .tv_sec = ANSWER_S };
	const struct sockaddr_nl self = { .nl_family = AF_NETLINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), rc;

	if (fd < 0)
		return -errno;
	if (!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) &&
	    !bind(fd, (const struct sockaddr *)&self, sizeof(self)))
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

/* ---------------------------------------------------------------------- building */

static void *add_bytes(struct oci_netlink_message *m, size_t size)
{
	const size_t len = NLMSG_ALIGN(m->len), whole = NLMSG_ALIGN(size);
	void *at = m->bytes + len;

	if (whole > sizeof(m->bytes) - len) {
		m->rc = -EMSGSIZE;
		return NULL;
	}
	memset(at, 0, whole);
	m->len = len + size;
	return at;
}

void oci_netlink_begin(struct oci_netlink_message *m, uint16_t type, uint16_t flags, const void *part, size_t size)
{
	const struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags) };

	m->len = 0;
	m->rc = 0;
	memcpy(add_bytes(m, sizeof(h)), &h, sizeof(h));
	memcpy(add_bytes(m, size), part, size);
}

void oci_netlink_add(struct oci_netlink_message *m, uint16_t type, const void *value, size_t size)
{
	const struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + size), .nla_type = type };
	unsigned char *at = add_bytes(m, NLA_HDRLEN + size);

	if (!at)
		return;
	memcpy(at, &a, sizeof(a));
	memcpy(at + NLA_HDRLEN, value, size);
}

size_t oci_netlink_nest(struct oci_netlink_message *m, uint16_t type)
{
	const size_t place = NLMSG_ALIGN(m->len);

	oci_netlink_add(m, type, "", 0);
	return place;
}

void oci_netlink_end(struct oci_netlink_message *m, size_t place)
{
	struct nlattr a;

	if (m->rc < 0)
		return;
	memcpy(&a, m->bytes + place, sizeof(a));
	a.nla_len = (uint16_t)(m->len - place);
	memcpy(m->bytes + place, &a, sizeof(a));
}

/* ----------------------------------------------------------------------- sending */

static int send_message(int fd, struct oci_netlink_message *m)
{
	struct nlmsghdr h;

	if (m->rc < 0)
		return m->rc;
	memcpy(&h, m->bytes, sizeof(h));
	h.nlmsg_len = (uint32_t)m->len;
	memcpy(m->bytes, &h, sizeof(h));
	return send(fd, m->bytes, m->len, 0) < 0 ? -errno : 0;
}

/* 1: more messages follow. */
static int read_element(struct nlmsghdr *h, size_t part, int (*fn)(void *opaque, struct nlmsghdr *h),
			void *opaque)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	int rc;

	if (h->nlmsg_type == NLMSG_DONE)
		return 0;
	if (h->nlmsg_type == NLMSG_ERROR)
		return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) ? -EBADMSG : e->error;
	if (h->nlmsg_len < NLMSG_LENGTH(part))
		return -EBADMSG;
	rc = fn ? fn(opaque, h) : 0;
	return rc ? rc : 1;
}

static int read_answer(int fd, size_t part, int (*fn)(void *opaque, struct nlmsghdr *h), void *opaque)
{
	_Alignas(8) unsigned char bytes[32768];
	struct nlmsghdr *h;
	unsigned int len;
	ssize_t n;
	int rc = 1;

	while (rc == 1) {
		n = recv(fd, bytes, sizeof(bytes), 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ECONNRESET;
		len = (unsigned int)n;
		for (h = (struct nlmsghdr *)(void *)bytes; rc == 1 && NLMSG_OK(h, len); h = NLMSG_NEXT(h, len))
			rc = read_element(h, part, fn, opaque);
	}
	return rc;
}

int oci_netlink_call(int fd, struct oci_netlink_message *m)
{
	struct nlmsghdr h;
	int rc;

	memcpy(&h, m->bytes, sizeof(h));
	h.nlmsg_flags |= NLM_F_ACK;
	memcpy(m->bytes, &h, sizeof(h));
	rc = send_message(fd, m);
	return rc < 0 ? rc : read_answer(fd, 0, NULL, NULL);
}

int oci_netlink_list(int fd, struct oci_netlink_message *m, size_t size,
		     int (*fn)(void *opaque, struct nlmsghdr *h), void *opaque)
{
	const int rc = send_message(fd, m);

	return rc < 0 ? rc : read_answer(fd, size, fn, opaque);
}

const void *oci_netlink_find(struct nlmsghdr *h, size_t part, uint16_t type, size_t least, size_t *len)
{
	const unsigned char *at = (const unsigned char *)NLMSG_DATA(h) + NLMSG_ALIGN(part);
	size_t left = h->nlmsg_len - NLMSG_HDRLEN;
	struct nlattr a;

	left = left > NLMSG_ALIGN(part) ? left - NLMSG_ALIGN(part) : 0;
	while (left >= sizeof(a)) {
		memcpy(&a, at, sizeof(a));
		if (a.nla_len < NLA_HDRLEN || a.nla_len > left)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == type && (size_t)a.nla_len - NLA_HDRLEN >= least) {
			*len = (size_t)a.nla_len - NLA_HDRLEN;
			return at + NLA_HDRLEN;
		}
		left -= (size_t)NLA_ALIGN(a.nla_len) < left ? (size_t)NLA_ALIGN(a.nla_len) : left;
		at += NLA_ALIGN(a.nla_len);
	}
	return NULL;
}

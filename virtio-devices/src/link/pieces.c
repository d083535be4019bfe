/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Operations on frames in several pieces. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "link/pieces.h"

uint64_t virtdev_priv_pieces_len(const struct iovec *iov, int n)
{
	uint64_t len = 0;
	int i;

	for (i = 0; i < n; i++)
		len += iov[i].iov_len;
	return len;
}

int virtdev_priv_pieces_behind(const struct iovec *iov, int n, uint32_t skip,
			       struct iovec *out)
{
	int i, m = 0;

	for (i = 0; i < n; i++) {
		const uint32_t left = skip < iov[i].iov_len ?
				      skip : (uint32_t)iov[i].iov_len;

		skip -= left;
		if (left == iov[i].iov_len)
			continue;
		if (m == LINK_PIECES)
			return -EMSGSIZE;
		out[m].iov_base = (char *)iov[i].iov_base + left;
		out[m++].iov_len = iov[i].iov_len - left;
	}
	return m;
}

/* Length of the part of piece i at offset off, at most len; 0: none. */
static size_t part_of(const struct iovec *piece, uint32_t *off, uint32_t len,
		      char **at)
{
	size_t room;

	if (*off >= piece->iov_len) {
		*off -= (uint32_t)piece->iov_len;
		return 0;
	}
	room = piece->iov_len - *off;
	*at = (char *)piece->iov_base + *off;
	*off = 0;
	return room < len ? room : len;
}

static void part_store(char *at, const char *from, size_t len)
{
	if (from)
		memcpy(at, from, len);
	else
		memset(at, 0, len);
}

int virtdev_priv_pieces_store(const struct iovec *iov, int n, uint32_t off,
			      const void *from, uint32_t len)
{
	const char *source = from;
	char *at;
	size_t part;

	/* the usual case, and most of the cost of a short frame */
	if (n > 0 && (uint64_t)off + len <= iov->iov_len) {
		part_store((char *)iov->iov_base + off, source, len);
		return 0;
	}
	if (virtdev_priv_pieces_len(iov, n) < (uint64_t)off + len)
		return -EMSGSIZE;
	for (; len; iov++) {
		part = part_of(iov, &off, len, &at);
		if (!part)
			continue;
		part_store(at, source, part);
		source = source ? source + part : NULL;
		len -= (uint32_t)part;
	}
	return 0;
}

void virtdev_priv_pieces_load(const struct iovec *iov, int n, uint32_t off,
			      void *to, uint32_t len)
{
	char *target = to, *at;
	size_t part;
	int i;

	for (i = 0; len && i < n; i++) {
		part = part_of(&iov[i], &off, len, &at);
		if (!part)
			continue;
		memcpy(target, at, part);
		target += part;
		len -= (uint32_t)part;
	}
}

int virtdev_priv_link_code(int code)
{
	switch (code) {
	case EINTR:
	case EWOULDBLOCK:
		return -EAGAIN;
	case EBADFD:		/* the tap interface was removed */
	case ENOTCONN:
	case ECONNRESET:
	case EPIPE:
		return -EPIPE;
	}
	return -code;
}

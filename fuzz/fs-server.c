/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A server that changes the window of a file system device. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs-server.h"

/* Drops request i, which is never answered. */
static void forget(struct fs_server *h, uint32_t i)
{
	h->n--;
	memmove(&h->cookies[i], &h->cookies[i + 1],
		(h->n - i) * sizeof(h->cookies[0]));
}

int fs_server_change(void *server, bool map, const struct virtdev_mapping *m,
		   uint64_t cookie)
{
	struct fs_server *h = server;

	CHECK(m->offset <= h->window && m->len <= h->window - m->offset);
	CHECK(m->len && !((m->offset | m->len | m->fd_offset) & 4095));
	CHECK(!map || fcntl(m->fd, F_GETFD) >= 0);
	h->asked++;
	if (!h->later)
		return 0;
	if (h->n == FS_HOME_CHANGES)
		forget(h, 0);
	h->cookies[h->n++] = cookie;
	return 1;
}

void fs_server_answer(struct fs_server *h, struct input *in)
{
	static const int results[] = {
		0, 0, 0, 0, -EIO, -ENOSPC, -EREMOTEIO, -ENOTCONN,
	};
	const uint32_t how = take(in, 1);
	const uint32_t i = h->n ? (how & 31) % h->n : 0;
	const int result = results[how >> 5];
	uint64_t cookie;

	if (!h->n)
		return;
	cookie = h->cookies[i];
	forget(h, i);
	h->refused += result < 0;
	virtdev_region_done(h->dev, cookie, result);
}

/* Answers all: an answer may cause another request. */
void fs_server_answer_all(struct fs_server *h)
{
	uint64_t cookie;
	unsigned int turns = 0;

	while (h->n) {
		CHECK(++turns < 100000);
		cookie = h->cookies[0];
		forget(h, 0);
		virtdev_region_done(h->dev, cookie, 0);
	}
}

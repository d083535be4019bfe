/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reconnects a lost stream. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "link/stream.h"

int virtdev_priv_stream_retry_fd(void *self, uint32_t lane)
{
	(void)lane;
	return ((const struct stream *)self)->timer;
}

/* dup3() keeps the descriptor number, which the sending side may be using. */
static int connection_replace(struct stream *s, int fd)
{
	int rc;

	pthread_mutex_lock(&s->lock);
	rc = dup3(fd, s->fd, O_CLOEXEC) < 0 ? -errno : 0;
	if (rc == 0) {
		__atomic_add_fetch(&s->connection, 1, __ATOMIC_RELAXED);
		s->dry = false;
		__atomic_store_n(&s->gone, false, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

int virtdev_priv_stream_retry(void *self, uint32_t lane)
{
	struct stream *s = self;
	uint64_t fired;
	int fd, rc;

	(void)lane;
	if (vsu_timer_drain(s->timer, &fired) < 0 || !fired)
		return -EAGAIN;
	fd = vsu_sock_connect(s->path, NULL);
	rc = fd < 0 ? fd : connection_replace(s, fd);
	vsu_fd_close(&fd);
	if (rc == 0)
		return 0;
	(void)!vsu_timer_arm(s->timer, s->wait_ns);
	return -EAGAIN;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Waits for the peer of a stream, a cancellation or a deadline. */
#include <config.h>

#include <poll.h>

#include <vmm-sys-util/event.h>

#include "migration/stream.h"

int vmm_stream_wait(const struct vmm_stream *s, int fd, short events,
		    uint64_t until_ns, struct vsu_error *err)
{
	return vsu_wait(fd, events, s->cancel_fd, until_ns, err);
}

int vmm_stream_check(const struct vmm_stream *s, uint64_t until_ns, struct vsu_error *err)
{
	struct pollfd cancel = { .fd = s->cancel_fd, .events = POLLIN };
	const bool is_over = (until_ns && vsu_now_ns() >= until_ns) || poll(&cancel, 1, 0) > 0;

	return is_over ? vsu_wait(-1, 0, s->cancel_fd, until_ns, err) : 0;
}

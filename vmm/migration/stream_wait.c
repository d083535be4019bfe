/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Waits for the peer of a stream, a cancellation or a deadline. */
#include <config.h>

#include <errno.h>
#include <poll.h>

#include <vmm-sys-util/event.h>

#include "migration/stream.h"

#define NS_PER_MS UINT64_C(1000000)

/* Milliseconds for poll(2), rounded up; -1: no limit. */
static int patience_ms(uint64_t until_ns)
{
	const uint64_t now = vsu_now_ns();

	if (!until_ns)
		return -1;
	return now >= until_ns ? 0 :
	       (int)((until_ns - now) / NS_PER_MS % 1000000) + 1;
}

static int report_cancel(struct vsu_error *err)
{
	return vsu_error_set(err, -ECANCELED, "it was cancelled");
}

static int report_timeout(struct vsu_error *err)
{
	return vsu_error_set(err, -ETIMEDOUT, "the other side does not answer");
}

int vmm_stream_wait(const struct vmm_stream *s, int fd, short events,
		    uint64_t until_ns, struct vsu_error *err)
{
	struct pollfd p[2] = {
		{ .fd = s->cancel_fd, .events = POLLIN },
		{ .fd = fd, .events = events },
	};
	int rc;

	do
		rc = poll(p, 2, patience_ms(until_ns));
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return vsu_error_sys(err, -errno, "poll");
	if (p[0].revents)
		return report_cancel(err);
	return rc ? 0 : report_timeout(err);
}

int vmm_stream_check(const struct vmm_stream *s, uint64_t until_ns, struct vsu_error *err)
{
	struct pollfd cancel = { .fd = s->cancel_fd, .events = POLLIN };

	if (s->cancel_fd >= 0 && poll(&cancel, 1, 0) > 0)
		return report_cancel(err);
	return until_ns && vsu_now_ns() >= until_ns ? report_timeout(err) : 0;
}

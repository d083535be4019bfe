/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Host notifiers: pages through which a guest kicks a ring without an exit. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "backend/priv.h"
#include <vhost/backend_device.h>
#include <vmm-sys-util/checked.h>

static const struct vhost_user_priv_ask notifier = {
	.request = VHOST_USER_BACKEND_VRING_HOST_NOTIFIER_MSG,
	.answered = vhost_user_priv_owner_answered,
};

int vhost_user_backend_host_notifier(struct vhost_user_backend *b,
				     uint32_t ring, int fd, uint64_t offset,
				     uint64_t cookie, struct vsu_error *err)
{
	const struct vhost_user_vring_area area = {
		.u64 = ring | (fd < 0 ? VHOST_USER_VRING_NOFD : 0),
		.size = fd < 0 ? 0 : (uint64_t)sysconf(_SC_PAGESIZE),
		.offset = fd < 0 ? 0 : offset,
	};
	int rc;

	if (ring >= b->config.nrings)
		return vsu_error_set(err, -EINVAL,
				     "host notifier of ring %u, the device has %u",
				     ring, b->config.nrings);
	if (area.size && !vsu_is_aligned(offset, area.size))
		return vsu_error_set(err, -EINVAL,
				     "host notifier of ring %u at %#" PRIx64 ", which is not page-aligned",
				     ring, offset);
	rc = vhost_user_priv_backend_channel_check(b, &notifier, err);
	if (rc < 0)
		return rc;
	return vhost_user_priv_backend_channel_ask(b, &notifier, &area,
						   sizeof(area),
						   fd < 0 ? NULL : &fd, cookie,
						   err);
}

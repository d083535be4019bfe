/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests to a node of the kernel's vhost. */
#include <config.h>

#include <errno.h>
#include <sys/ioctl.h>

#include <virtio-queue/queue.h>

#include "kernel/priv.h"

#define RING_FEATURES (VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX)

uint64_t vhost_kern_features(const struct vhost_kern *k)
{
	return k->offered & (RING_FEATURES | k->kind->features);
}

int vhost_kern_priv_call(const struct vhost_kern *k, unsigned long request,
			 void *arg)
{
	return ioctl(k->fd, request, arg) < 0 ? -errno : 0;
}

int vhost_kern_priv_send_features(const struct vhost_kern *k)
{
	uint64_t features = k->features;

	if (k->log.bits)
		features |= UINT64_C(1) << VHOST_F_LOG_ALL;
	return vhost_kern_priv_call(k, VHOST_SET_FEATURES, &features);
}

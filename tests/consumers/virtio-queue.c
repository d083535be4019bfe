/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvirtio-queue, in the common part of C99 and C++11. */
#include <string.h>

#include <virtio-queue/driver.h>
#include <virtio-queue/queue.h>
#include <virtio-queue/version.h>

int main(void)
{
	struct vq_layout layout;
	struct vq *q = NULL;

	if (vq_ring_layout(256, 0, &layout) || layout.desc != 0)
		return 1;
	if (vq_new(&q) || vq_is_enabled(q))
		return 1;
	vq_free(q);
	return strlen(vq_version()) > 0 ? 0 : 1;
}

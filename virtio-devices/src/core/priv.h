/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What files of this library share and nobody else sees. */
#ifndef VIRTIO_DEVICES_PRIV_H
#define VIRTIO_DEVICES_PRIV_H

#include <stddef.h>
#include <string.h>

/*
 * Copies a table of operations whose first member is its size: a caller that
 * was compiled against an older header has a shorter one, and lacks the rest.
 */
static inline void virtdev_priv_copy_ops(void *to, size_t room,
					 const void *from, size_t size)
{
	memset(to, 0, room);
	if (from)
		memcpy(to, from, size < room ? size : room);
}

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The head of a room behind an in-flight area, in the same file, at the next page:
 * state that a device leaves for its replacement process. The messages do not describe
 * it, so implementations that do not use it pass it on unchanged.
 */
#ifndef VHOST_WIRE_KEPT_H
#define VHOST_WIRE_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/protocol.h>

#define VHOST_USER_PRIV_KEPT_MAGIC UINT64_C(0x7470656b76656476)	/* "vdevkept" */
#define VHOST_USER_PRIV_KEPT_HEAD 64u	/* bytes in front of the device's */
#define VHOST_USER_PRIV_KEPT_PAGE UINT64_C(4096)

/* In native byte order, like the area. */
struct vhost_user_priv_kept {
	uint64_t magic;
	uint64_t loads;		/* how often a process continued with the state */
};

/* False: the area ends too far behind for a room. */
static inline bool vhost_user_priv_kept_at(const struct vhost_user_inflight *in,
					   uint64_t *at)
{
	const uint64_t mask = VHOST_USER_PRIV_KEPT_PAGE - 1;
	const uint64_t most = (uint64_t)INT64_MAX / 2;

	if (in->mmap_offset > most || in->mmap_size > most - mask)
		return false;
	*at = (in->mmap_offset + in->mmap_size + mask) & ~mask;
	return true;
}

#endif

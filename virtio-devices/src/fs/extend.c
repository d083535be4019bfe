/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Extensions of a request that makes a file, which come behind all else: in which
 * other groups the user is, as far as that matters in its folder. Those that are
 * not known are passed over.
 */
#include <config.h>

#include <errno.h>

#include "fs/fs_priv.h"

/* Of one request; there are two kinds. */
#define MOST 16u

static int pass_over(struct fs_call *c, uint32_t len)
{
	return vq_cursor_skip(&c->from, len) == len ? 0 : -EINVAL;
}

/* Behind its header it has len bytes: how many groups there are, and these. */
static int read_groups(struct fs_call *c, uint32_t len)
{
	uint32_t n;

	if (c->ngroups || len < sizeof(n) || !vq_cursor_read_obj(&c->from, &n))
		return -EINVAL;
	len -= (uint32_t)sizeof(n);
	if (n > FS_GROUPS || n > len / sizeof(c->groups[0]) ||
	    !vq_cursor_read_exact(&c->from, c->groups,
				  n * (uint32_t)sizeof(c->groups[0])))
		return -EINVAL;
	c->ngroups = n;
	return pass_over(c, len - n * (uint32_t)sizeof(c->groups[0]));
}

int virtdev_priv_fs_extensions_read(struct fs_call *c)
{
	uint32_t left = fs_extensions(&c->in), i;
	struct fs_extension e;
	int rc = 0;

	for (i = 0; rc >= 0 && left; i++) {
		if (i == MOST || left < sizeof(e) ||
		    !vq_cursor_read_obj(&c->from, &e) || e.size < sizeof(e) ||
		    e.size > left || e.size % FS_EXTENSION_ALIGN)
			return -EINVAL;
		left -= e.size;
		e.size -= (uint32_t)sizeof(e);
		rc = e.type == FS_EXTENSION_GROUPS ? read_groups(c, e.size)
						    : pass_over(c, e.size);
	}
	return rc;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guard (vhost/postcopy.h) as its session uses it. A NULL guard accepts every call. */
#ifndef VHOST_USER_PRIV_POSTCOPY_GUARD_H
#define VHOST_USER_PRIV_POSTCOPY_GUARD_H

#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>

#include <vhost/postcopy.h>
#include <vm-memory/block.h>

/* Memory that a table registers; the table in use and the next one. */
#define VHOST_USER_PRIV_MAX_GUARDED (2 * VHOST_USER_MAX_REGIONS)

struct vhost_user_priv_guarded {
	struct uffdio_range pages;
	struct vmem_block *block; /* a reference: the mapping stays in place */
};

/*
 * Postcopy begins: sock and faults are borrowed until the end. fails: the session
 * repairs SIGBUS.
 */
int vhost_user_priv_guard_begin(struct vhost_user_postcopy_guard *g, int sock,
				int faults, bool fails);
/* Replaces the list; -ECONNRESET after a release. Copies it and refers to the blocks. */
int vhost_user_priv_guard_set(struct vhost_user_postcopy_guard *g,
			      const struct vhost_user_priv_guarded *list,
			      uint32_t n);
void vhost_user_priv_guard_end(struct vhost_user_postcopy_guard *g);

#endif

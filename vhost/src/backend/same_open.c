/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Regions that come again through the very open file they were mapped by. */
#include <config.h>

#include <fcntl.h>
#include <string.h>

#include <vm-memory/block.h>

#include "backend/table.h"

/* Linux 6.10: whether two descriptors are of one open file. */
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

const struct vhost_user_priv_slot *
vhost_user_priv_same_open(struct vhost_user_priv_table *t,
			  const struct vhost_user_priv_table *keep, int fd,
			  const struct vhost_user_priv_slot *s)
{
	const struct vhost_user_priv_slot *o;
	uint32_t i = 0;
	int rc;

	while (i < keep->n &&
	       memcmp(&keep->slots[i].wire, &s->wire, sizeof(s->wire)))
		i++;
	if (i == keep->n)
		return NULL;
	o = &keep->slots[i];
	if (!o->cannot_shrink || t->compared_in_vain ||
	    vmem_block_failed(vmem_region_block(o->region)))
		return NULL;
	rc = fcntl(fd, F_DUPFD_QUERY,
		   vmem_block_fd(vmem_region_block(o->region)));
	t->compared_in_vain = rc != 1;
	return rc == 1 ? o : NULL;
}

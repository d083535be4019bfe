/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of the front-end's regions. */
#include <config.h>

#include <stdlib.h>

#include "backend/table.h"

const struct vhost_user_mem_region *
vhost_user_priv_table_find(const struct vhost_user_priv_table *t,
			   uint64_t uaddr)
{
	const struct vhost_user_mem_region *r;
	uint32_t i;

	for (i = 0; i < t->n; i++) {
		r = &t->slots[i].wire;
		if (uaddr - r->user_addr < r->size)
			return r;
	}
	return NULL;
}

uint64_t vhost_user_priv_table_piece(const struct vhost_user_priv_table *t,
				     uint64_t uaddr, uint64_t len,
				     uint64_t *gpa)
{
	const struct vhost_user_mem_region *r =
		vhost_user_priv_table_find(t, uaddr);
	uint64_t off;

	if (!r)
		return 0;
	off = uaddr - r->user_addr;
	*gpa = r->guest_addr + off;
	return len < r->size - off ? len : r->size - off;
}

bool vhost_user_priv_table_grows(const struct vhost_user_priv_table *from,
				 const struct vhost_user_priv_table *to)
{
	uint32_t i;

	if (from->n > to->n)
		return false;
	for (i = 0; i < from->n; i++)
		if (from->slots[i].region != to->slots[i].region)
			return false;
	return true;
}

void vhost_user_priv_table_free(struct vhost_user_priv_table *t)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		vmem_region_unref(t->slots[i].region);
	free(t->slots);
	t->slots = NULL;
	t->n = 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Regions that arrive again through the same open file, and the descriptors
 * that become redundant by that.
 */
#include <config.h>

#include <fcntl.h>
#include <string.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>

#include "backend/table.h"

/* Linux 6.10: do two descriptors refer to the same open file? */
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

/* The length of the leading run of consecutive descriptor numbers. */
static uint32_t run_of(const int *fds, uint32_t n)
{
	uint32_t i = 1;

	while (i < n && fds[i] == fds[i - 1] + 1)
		i++;
	return i;
}

/* Descriptors of one message usually have consecutive numbers. */
void vhost_user_priv_close_spare(struct vhost_user_priv_table *t)
{
	int *fds = t->spare;
	uint32_t run;

	for (; t->nspare; t->nspare -= run, fds += run) {
		run = run_of(fds, t->nspare);
		vsu_fd_close_run(fds[0], run);
	}
}

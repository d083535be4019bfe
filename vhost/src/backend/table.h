/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of the front-end's regions. */
#ifndef VHOST_USER_PRIV_TABLE_H
#define VHOST_USER_PRIV_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/protocol.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/error.h>

/* Maximum number of regions, as in other back-ends. */
#define VHOST_USER_PRIV_MAX_SLOTS 509u

/* One region of the front-end's memory. */
struct vhost_user_priv_slot {
	struct vhost_user_mem_region wire;
	uint64_t dev, ino;	/* identity of the file */
	bool read_only;		/* its descriptor cannot be written through */
	bool cannot_grow;	/* by its seals */
	bool cannot_shrink;
	struct vmem_region *region;
};

struct vhost_user_priv_table {
	struct vhost_user_priv_slot *slots;
	uint32_t n;
	int spare[VHOST_USER_MAX_REGIONS]; /* descriptors of reused regions, to be closed */
	uint32_t nspare;
	bool compared_in_vain;	/* F_DUPFD_QUERY is unsupported, or one open file differed: then the
				 * others usually differ too */
};

/* The name of a region in error messages. */
#define VHOST_USER_PRIV_PLACE "region at guest address %#" PRIx64 ", size %#" PRIx64
#define VHOST_USER_PRIV_PLACE_ARGS(r) (r)->guest_addr, (r)->size
/* The region that contains the user address uaddr, or NULL. */
const struct vhost_user_mem_region *
vhost_user_priv_table_find(const struct vhost_user_priv_table *t,
			   uint64_t uaddr);
/*
 * The length of the part of [uaddr, uaddr + len) that is in the region of
 * uaddr; *gpa is the guest address of uaddr. 0: no region contains uaddr.
 */
uint64_t vhost_user_priv_table_piece(const struct vhost_user_priv_table *t,
				     uint64_t uaddr, uint64_t len,
				     uint64_t *gpa);
/* True if to contains all regions of from, unchanged. */
bool vhost_user_priv_table_grows(const struct vhost_user_priv_table *from,
				 const struct vhost_user_priv_table *to);
/*
 * Returns the slot of the same region, if the front-end sent the same open file for it
 * again. Kind, identity and access mode of an open file do not change, and a sealed file
 * cannot shrink, so checks can be omitted. Another open file of the same file requires
 * all checks. NULL: no such slot, or t records that comparing is useless.
 */
const struct vhost_user_priv_slot *
vhost_user_priv_same_open(struct vhost_user_priv_table *t,
			  const struct vhost_user_priv_table *keep, int fd,
			  const struct vhost_user_priv_slot *s);
/* Closes the redundant descriptors of t. */
void vhost_user_priv_close_spare(struct vhost_user_priv_table *t);
void vhost_user_priv_table_free(struct vhost_user_priv_table *t);

#endif

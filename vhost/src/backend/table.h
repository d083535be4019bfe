/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of the front-end's regions. */
#ifndef VHOST_USER_PRIV_TABLE_H
#define VHOST_USER_PRIV_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/protocol.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/error.h>

struct vhost_user_backend;

/* The most regions of a table: what the other back-ends offer. */
#define VHOST_USER_PRIV_MAX_SLOTS 509u

/* One region of the front-end's memory. */
struct vhost_user_priv_slot {
	struct vhost_user_mem_region wire;
	uint64_t dev, ino;	/* of the file behind it */
	bool read_only;		/* its descriptor cannot be written through */
	bool cannot_grow;	/* the file, as its seals say */
	bool cannot_shrink;
	struct vmem_region *region;
};

struct vhost_user_priv_table {
	struct vhost_user_priv_slot *slots;
	uint32_t n;
	int spare[VHOST_USER_MAX_REGIONS]; /* descriptors of what is kept */
	uint32_t nspare;
	bool compared_in_vain;	/* the kernel does not compare open files, or one
				   was another: the rest is as a rule, too */
};

/* Memory whose pages come when they are touched, see postcopy.c. */
struct vhost_user_priv_postcopy {
	int faults;		/* the userfaultfd, or -1: not advised */
	bool listening;
	struct vhost_user_priv_table table; /* answered, and not confirmed */
	struct vmem_map *map;	/* of it; NULL: none waits */
};

/* How sentences name a region. */
#define VHOST_USER_PRIV_PLACE "region at guest address %#" PRIx64 ", size %#" PRIx64
#define VHOST_USER_PRIV_PLACE_ARGS(r) (r)->guest_addr, (r)->size
/* The region that the front-end sees at uaddr, or NULL. */
const struct vhost_user_mem_region *
vhost_user_priv_table_find(const struct vhost_user_priv_table *t,
			   uint64_t uaddr);
/*
 * How many of the len bytes from uaddr on lie in the region that uaddr is in;
 * *gpa is the guest address of the first. 0: it is in none.
 */
uint64_t vhost_user_priv_table_piece(const struct vhost_user_priv_table *t,
				     uint64_t uaddr, uint64_t len,
				     uint64_t *gpa);
/* Whether all regions of one are in the other, made of it, as they are. */
bool vhost_user_priv_table_grows(const struct vhost_user_priv_table *from,
				 const struct vhost_user_priv_table *to);
/*
 * The slot of the same region, mapped through the very open file that came
 * again: what kind it is, which file, and what may be done through it are as
 * they were, and its size is where it cannot shrink. Nothing of this is known of
 * another open file of the same file.
 * NULL: there is none, or t knows that to ask is in vain.
 */
const struct vhost_user_priv_slot *
vhost_user_priv_same_open(struct vhost_user_priv_table *t,
			  const struct vhost_user_priv_table *keep, int fd,
			  const struct vhost_user_priv_slot *s);
/* Closes the descriptors that the regions of t do not need. */
void vhost_user_priv_close_spare(struct vhost_user_priv_table *t);
/*
 * Checks one more region against t and puts it there, mapped, or with the
 * mapping that keep has of the same piece of the same file. A new mapping takes
 * *fd, which becomes -1, as it does when t has it to be closed.
 */
int vhost_user_priv_table_add(const struct vhost_user_backend *b,
			      struct vhost_user_priv_table *t,
			      const struct vhost_user_mem_region *r, int *fd,
			      const struct vhost_user_priv_table *keep,
			      struct vsu_error *err);
void vhost_user_priv_table_free(struct vhost_user_priv_table *t);

#endif

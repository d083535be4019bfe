/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbered slots for what a driver knows by numbers. A number is valid from
 * take to retire, and never comes again but after 2^32 uses of its slot; its
 * slot outlives it as long as somebody uses it.
 *
 * Threads: the caller's lock.
 */
#ifndef VIRTIO_DEVICES_FS_POOL_H
#define VIRTIO_DEVICES_FS_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of what is in a slot. */
struct fs_slot {
	uint64_t id;		/* 0: free */
	uint32_t generation;
	uint32_t users;		/* calls that are at it */
	uint32_t next;		/* free ones: index + 1, or 0 */
	bool live;		/* its number is valid */
	bool used;		/* live, in use, or in the list of free ones */
};

struct fs_pool {
	unsigned char *slots;
	size_t size;		/* of a slot */
	uint32_t max;
	uint32_t touched;	/* before it there are none that are not used */
	uint32_t reach;		/* behind the last one that is used */
	uint32_t highest;	/* of generations that were given */
	uint32_t free;		/* index + 1 of the first one, or 0 */
	uint32_t taken;
};

int virtdev_priv_fs_pool_init(struct fs_pool *pool, size_t size, uint32_t max);
void virtdev_priv_fs_pool_fini(struct fs_pool *pool);

/* A slot with a number, used once; NULL when all are taken. */
void *virtdev_priv_fs_pool_alloc(struct fs_pool *pool);

/*
 * For numbers that another pool gave, whose highest generation was that one:
 * slots that nobody has are as new, and what is taken later has another number
 * than what that pool ever gave.
 */
void virtdev_priv_fs_pool_renew(struct fs_pool *pool, uint32_t highest);

/* The slot with that number, used once. -ENFILE: beyond max; -EEXIST: it is taken. */
int virtdev_priv_fs_pool_insert(struct fs_pool *pool, uint64_t id, void **slot);

/* The number is never given. -EEXIST: it is taken. */
int virtdev_priv_fs_pool_retire(struct fs_pool *pool, uint64_t id);

/* Uses it once more; NULL: there is no such number. */
void *virtdev_priv_fs_pool_get(struct fs_pool *pool, uint64_t id);

/* True: nobody is at it and its number is gone; the caller empties it. */
bool virtdev_priv_fs_pool_put(struct fs_slot *slot);

/* Nothing is left in it. */
void virtdev_priv_fs_pool_free(struct fs_pool *pool, struct fs_slot *slot);

/* The next slot whose number is valid, from index *at on, or NULL. */
void *virtdev_priv_fs_pool_next(struct fs_pool *pool, uint32_t *at);

#endif

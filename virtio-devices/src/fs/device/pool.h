/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Slots with 64-bit IDs (nodeid, fh): slot index and generation. An ID is valid from
 * alloc until its owner clears live, and is reused only after 2^32 uses of the slot.
 * The slot is freed after the ID is invalid and all users have put it.
 *
 * Threads: under the caller's lock.
 */
#ifndef VIRTIO_DEVICES_FS_DEVICE_POOL_H
#define VIRTIO_DEVICES_FS_DEVICE_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first member of each element. */
struct fs_slot {
	uint64_t id;		/* 0: free */
	uint32_t generation;
	uint32_t users;		/* references by running calls */
	uint32_t next;		/* in the free list: index + 1, or 0 */
	bool live;		/* its ID is valid */
	bool used;		/* live, referenced, or in the free list */
};

struct fs_pool {
	unsigned char *slots;
	size_t size;		/* bytes of a slot */
	uint32_t max;
	uint32_t touched;	/* all slots before this index are used */
	uint32_t reach;		/* all slots from this index on are unused */
	uint32_t highest;	/* highest generation so far */
	uint32_t free;		/* head of the free list: index + 1, or 0 */
	uint32_t taken;
};

int virtdev_priv_fs_pool_init(struct fs_pool *pool, size_t size, uint32_t max);
void virtdev_priv_fs_pool_fini(struct fs_pool *pool);

/* A slot with a new ID and one reference; NULL: the pool is full. */
void *virtdev_priv_fs_pool_alloc(struct fs_pool *pool);

/*
 * Prepares for the IDs of another pool with that highest generation: free slots become
 * unused, and alloc returns no ID that the other pool may have returned.
 */
void virtdev_priv_fs_pool_renew(struct fs_pool *pool, uint32_t highest);

/* The slot for that ID with one reference. -ENFILE: beyond max; -EEXIST: in use. */
int virtdev_priv_fs_pool_insert(struct fs_pool *pool, uint64_t id, void **slot);

/* Excludes the ID from use. -EEXIST: in use. */
int virtdev_priv_fs_pool_retire(struct fs_pool *pool, uint64_t id);

/* Adds a reference; NULL: unknown ID. */
void *virtdev_priv_fs_pool_get(struct fs_pool *pool, uint64_t id);

/* True: last reference and the ID is invalid; the caller cleans up and frees. */
bool virtdev_priv_fs_pool_put(struct fs_slot *slot);

/* Returns the slot to the free list. */
void virtdev_priv_fs_pool_free(struct fs_pool *pool, struct fs_slot *slot);

/* The next slot with a valid ID, from index *at on, or NULL. */
void *virtdev_priv_fs_pool_next(struct fs_pool *pool, uint32_t *at);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Slots with IDs: slot index + 1 and generation. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/device/pool.h"

static struct fs_slot *slot_at(const struct fs_pool *pool, uint32_t index)
{
	return (struct fs_slot *)(void *)(pool->slots + pool->size * index);
}

/* Index + 1: the first ID is 1, which is FUSE_ROOT_ID. */
static uint64_t id_of(uint32_t index, uint32_t generation)
{
	return (uint64_t)generation << 32 | (index + 1);
}

int virtdev_priv_fs_pool_init(struct fs_pool *pool, size_t size, uint32_t max)
{
	memset(pool, 0, sizeof(*pool));
	pool->slots = calloc(max, size);
	if (!pool->slots)
		return -ENOMEM;
	pool->size = size;
	pool->max = max;
	return 0;
}

void virtdev_priv_fs_pool_fini(struct fs_pool *pool)
{
	free(pool->slots);
	pool->slots = NULL;
}

/* Prefers the free list to slots that were never used. */
static struct fs_slot *find_free(struct fs_pool *pool)
{
	struct fs_slot *slot;

	if (pool->free) {
		slot = slot_at(pool, pool->free - 1);
		pool->free = slot->next;
		return slot;
	}
	while (pool->touched < pool->max && slot_at(pool, pool->touched)->used)
		pool->touched++;
	if (pool->touched == pool->max)
		return NULL;
	slot = slot_at(pool, pool->touched++);
	slot->generation = pool->highest;
	return slot;
}

static uint32_t index_of(const struct fs_pool *pool, const struct fs_slot *slot)
{
	const unsigned char *at = (const unsigned char *)slot;

	return (uint32_t)((size_t)(at - pool->slots) / pool->size);
}

static void note_generation(struct fs_pool *pool, uint32_t generation)
{
	if (generation > pool->highest)
		pool->highest = generation;
}

static void slot_use(struct fs_pool *pool, struct fs_slot *slot)
{
	const uint32_t index = index_of(pool, slot);

	slot->id = id_of(index, slot->generation);
	slot->users = 1;
	slot->live = slot->used = true;
	pool->taken++;
	if (index >= pool->reach)
		pool->reach = index + 1;
	note_generation(pool, slot->generation);
}

void *virtdev_priv_fs_pool_alloc(struct fs_pool *pool)
{
	struct fs_slot *slot = find_free(pool);

	if (slot)
		slot_use(pool, slot);
	return slot;
}

void virtdev_priv_fs_pool_renew(struct fs_pool *pool, uint32_t highest)
{
	struct fs_slot *slot;
	uint32_t i;

	for (i = 0; i < pool->reach; i++) {
		slot = slot_at(pool, i);
		slot->used = slot->live || slot->users;
	}
	pool->touched = pool->free = 0;
	note_generation(pool, highest);
}

int virtdev_priv_fs_pool_insert(struct fs_pool *pool, uint64_t id, void **out)
{
	const uint32_t number = (uint32_t)id;
	struct fs_slot *slot;

	if (!number || number > pool->max)
		return -ENFILE;
	slot = slot_at(pool, number - 1);
	if (slot->used)
		return -EEXIST;
	slot->generation = (uint32_t)(id >> 32);
	slot_use(pool, slot);
	*out = slot;
	return 0;
}

int virtdev_priv_fs_pool_retire(struct fs_pool *pool, uint64_t id)
{
	struct fs_slot *slot;
	void *place;
	int rc = virtdev_priv_fs_pool_insert(pool, id, &place);

	if (rc < 0)
		return rc == -ENFILE ? 0 : rc;
	slot = place;
	slot->live = false;
	if (virtdev_priv_fs_pool_put(slot))
		virtdev_priv_fs_pool_free(pool, slot);
	return 0;
}

void *virtdev_priv_fs_pool_get(struct fs_pool *pool, uint64_t id)
{
	const uint32_t number = (uint32_t)id;
	struct fs_slot *slot;

	if (!number || number > pool->reach)
		return NULL;
	slot = slot_at(pool, number - 1);
	if (!slot->live || slot->id != id)
		return NULL;
	slot->users++;
	return slot;
}

bool virtdev_priv_fs_pool_put(struct fs_slot *slot)
{
	return --slot->users == 0 && !slot->live;
}

void virtdev_priv_fs_pool_free(struct fs_pool *pool, struct fs_slot *slot)
{
	slot->id = 0;
	note_generation(pool, ++slot->generation);
	slot->next = pool->free;
	pool->free = index_of(pool, slot) + 1;
	pool->taken--;
}

void *virtdev_priv_fs_pool_next(struct fs_pool *pool, uint32_t *at)
{
	struct fs_slot *slot;

	while (pool->taken && *at < pool->reach) {
		slot = slot_at(pool, (*at)++);
		if (slot->live)
			return slot;
	}
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Spaces: publication, readers' slots, retirement.
 *
 * A reader's slot is 0, or the generation that the reader loaded before the current map. A
 * retired map may be freed when no slot has a generation older than that of its successor.
 * Reason: enter exchanges the generation into the slot and then loads the map. The writer
 * stores the map, then the generation, and then reads the slots. All these accesses are
 * sequentially consistent. So either the writer sees the slot, or the reader's load follows
 * the writer's store and returns the successor. A reader that saw the new generation cannot
 * get an older map.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "priv.h"

_Static_assert(sizeof(struct vmem_reader) == 64, "one cache line, frozen");

struct vmem_space {
	struct vmem_map *current;
	uint64_t generation;
	/* members above are loaded by readers, those below by the writer */
	struct vmem_priv_event *event __attribute__((aligned(64)));
	struct vmem_reader *readers;
	struct vmem_map *retired;
	unsigned int nretired;
};

int vmem_space_new(struct vmem_space **out)
{
	struct vmem_space *space = aligned_alloc(64, sizeof(*space));
	struct vmem_priv_event *event = calloc(1, sizeof(*event));

	if (!space || !event) {
		free(space);
		free(event);
		return -ENOMEM;
	}
	memset(space, 0, sizeof(*space));
	event->refs = 1;
	event->fd = -1;
	space->event = event;
	*out = space;
	return 0;
}

void vmem_space_free(struct vmem_space *space)
{
	struct vmem_map *map, *next;

	if (!space)
		return;
	vmem_map_unref(space->current);
	for (map = space->retired; map; map = next) {
		next = map->next_retired;
		vmem_map_unref(map);
	}
	vmem_priv_event_unref(space->event);
	free(space);
}

/* Makes the map one of this space; false: it was published before. */
static bool map_adopt(struct vmem_space *space, struct vmem_map *map)
{
	if (__atomic_exchange_n(&map->published, 1, __ATOMIC_ACQ_REL))
		return false;
	__atomic_fetch_add(&space->event->refs, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&map->event, space->event, __ATOMIC_RELEASE);
	map->view.generation = space->generation + 1;
	vmem_map_ref(map);
	return true;
}

static void map_retire(struct vmem_space *space, struct vmem_map *map)
{
	map->retired_at = space->generation;
	map->next_retired = space->retired;
	space->retired = map;
	space->nretired++;
	__atomic_fetch_or(&map->refs, VMEM_PRIV_MAP_RETIRED, __ATOMIC_SEQ_CST);
}

int vmem_space_publish(struct vmem_space *space, struct vmem_map *map)
{
	struct vmem_map *former = space->current;

	if (map && !map_adopt(space, map))
		return -EINVAL;
	/*
	 * no signal needed: vmem_space_reclaim() follows and finds maps
	 * released before it
	 */
	__atomic_store_n(&space->event->awaited, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&space->current, map, __ATOMIC_SEQ_CST);
	__atomic_store_n(&space->generation, space->generation + 1,
			 __ATOMIC_SEQ_CST);
	if (former)
		map_retire(space, former);
	return 0;
}

struct vmem_map *vmem_space_current(const struct vmem_space *space)
{
	return space->current;
}

const uint64_t *vmem_space_generation(const struct vmem_space *space)
{
	return &space->generation;
}

int vmem_space_want_event(struct vmem_space *space)
{
	int fd = space->event->fd;

	if (fd >= 0)
		return fd;
	fd = vsu_event_new();
	if (fd >= 0)
		__atomic_store_n(&space->event->fd, fd, __ATOMIC_RELEASE);
	return fd;
}

int vmem_space_event_fd(const struct vmem_space *space)
{
	return space->event->fd;
}

/* The oldest generation that a reader may be using. */
static uint64_t oldest_in_use(const struct vmem_space *space)
{
	uint64_t oldest = UINT64_MAX, slot;
	struct vmem_reader *r;

	for (r = space->readers; r; r = r->next) {
		slot = __atomic_load_n(&r->slot, __ATOMIC_SEQ_CST);
		if (slot && slot < oldest)
			oldest = slot;
	}
	return oldest;
}

/*
 * Read the slots before the counts: a reader goes from its slot to a counted reference,
 * never back.
 */
static void free_unused(struct vmem_space *space)
{
	struct vmem_map **link = &space->retired, *map;
	uint64_t oldest = oldest_in_use(space);

	while ((map = *link)) {
		if (map->retired_at > oldest ||
		    __atomic_load_n(&map->refs, __ATOMIC_SEQ_CST) /
		    VMEM_PRIV_MAP_REF > 1) {
			link = &map->next_retired;
			continue;
		}
		*link = map->next_retired;
		space->nretired--;
		vmem_map_unref(map);
	}
}

unsigned int vmem_space_reclaim(struct vmem_space *space)
{
	if (!space->nretired)
		return 0;
	__atomic_store_n(&space->event->awaited, 1, __ATOMIC_SEQ_CST);
	free_unused(space);
	if (!space->nretired)
		__atomic_store_n(&space->event->awaited, 0, __ATOMIC_RELAXED);
	return space->nretired;
}

void vmem_space_add_reader(struct vmem_space *space, struct vmem_reader *reader)
{
	memset(reader, 0, sizeof(*reader));
	reader->space = space;
	reader->next = space->readers;
	space->readers = reader;
}

void vmem_space_remove_reader(struct vmem_reader *reader)
{
	struct vmem_reader **link = &reader->space->readers;

	while (*link && *link != reader)
		link = &(*link)->next;
	if (*link)
		*link = reader->next;
	reader->space = NULL;
	reader->next = NULL;
}

/* Before the first publication the generation is 0, which means that the reader is outside. */
struct vmem_map *vmem_reader_enter(struct vmem_reader *reader)
{
	struct vmem_space *space = reader->space;
	uint64_t seen = __atomic_load_n(&space->generation, __ATOMIC_SEQ_CST);

	__atomic_exchange_n(&reader->slot, seen ? seen : 1, __ATOMIC_SEQ_CST);
	return __atomic_load_n(&space->current, __ATOMIC_SEQ_CST);
}

void vmem_reader_leave(struct vmem_reader *reader)
{
	__atomic_store_n(&reader->slot, 0, __ATOMIC_RELEASE);
}

struct vmem_map *vmem_reader_map_ref(struct vmem_reader *reader)
{
	struct vmem_map *map = vmem_reader_enter(reader);

	if (map)
		vmem_map_ref(map);
	vmem_reader_leave(reader);
	return map;
}

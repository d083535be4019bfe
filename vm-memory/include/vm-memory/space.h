/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A space publishes the current map of a guest. Readers use the map without
 * locks while the writer replaces it.
 *
 * One thread at a time publishes (the writer). Readers never wait and never
 * free: dropping the last reference to a retired map only signals an event, and
 * the writer frees the map in vmem_space_reclaim().
 *
 *   generation  counts publications, from 1; 0 means "nothing published".
 *               A reader with cached translations compares it, by one
 *               acquire load, and translates again after a change.
 *   reader      a slot for one thread that reads maps. The thread either
 *               enters, uses the map and leaves, without a reference; or it
 *               gets a counted reference, which it may keep.
 *
 * Threads: publish, reclaim, add and remove of readers: the writer's thread.
 * enter, leave and map_ref: the reader's. Generation: any.
 */
#ifndef VM_MEMORY_SPACE_H
#define VM_MEMORY_SPACE_H

#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/map.h>

VSU_BEGIN_DECLS

struct vmem_space;

/* Fixed layout; one cache line; all members private. */
struct vmem_reader {
	uint64_t slot;
	struct vmem_space *space;
	struct vmem_reader *next;
	unsigned char pad[64 - sizeof(uint64_t) - 2 * sizeof(void *)];
};

VMEM_API int vmem_space_new(struct vmem_space **out) VSU_NODISCARD;

/*
 * Frees the space and its reference to the current map. Remove all readers first.
 * Maps that are still referenced are freed with their last reference.
 */
VMEM_API void vmem_space_free(struct vmem_space *space);

/*
 * Publishes map and keeps a reference to it. NULL: the guest has no memory. The
 * previous map is retired. A map can be published once, in one space (-EINVAL
 * otherwise).
 */
VMEM_API int vmem_space_publish(struct vmem_space *space, struct vmem_map *map)
	VSU_NODISCARD;

/* The current map, borrowed, for the writer's thread; NULL: none. */
VMEM_API struct vmem_map *vmem_space_current(const struct vmem_space *space);

/* The address of the generation, for one acquire load per batch. */
VMEM_API const uint64_t *vmem_space_generation(const struct vmem_space *space);

/*
 * vmem_space_want_event() creates an eventfd at the first call, and returns it,
 * borrowed, or a negative errno. vmem_space_event_fd() returns it, or -1 before that
 * call. The eventfd is signalled when the last reference to
 * a retired map is dropped, so that vmem_space_reclaim() can free the map. Only maps
 * that an earlier vmem_space_reclaim() found in use are reported, so call it after each
 * publication. vmem_reader_leave() does not signal, to stay cheap: also call
 * vmem_space_reclaim() periodically while it returns a number above 0.
 */
VMEM_API int vmem_space_want_event(struct vmem_space *space) VSU_NODISCARD;
VMEM_API int vmem_space_event_fd(const struct vmem_space *space);

/*
 * Frees unused retired maps; returns the number of retired maps that remain. A map
 * used by a reader between enter and leave is freed by a later call.
 */
VMEM_API unsigned int vmem_space_reclaim(struct vmem_space *space);

VMEM_API void vmem_space_add_reader(struct vmem_space *space,
				    struct vmem_reader *reader);
VMEM_API void vmem_space_remove_reader(struct vmem_reader *reader);

/*
 * The current map, valid until leave; NULL: none. Calls do not nest. To keep a map
 * for longer, use vmem_reader_map_ref(): dropping its reference signals the event.
 */
VMEM_API struct vmem_map *vmem_reader_enter(struct vmem_reader *reader);
VMEM_API void vmem_reader_leave(struct vmem_reader *reader);

/* The current map with a reference that the caller drops; NULL: none. */
VMEM_API struct vmem_map *vmem_reader_map_ref(struct vmem_reader *reader);

VSU_END_DECLS

#endif

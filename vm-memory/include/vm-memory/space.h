/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A space: where the current map of a guest is published, and read without
 * locks while it is replaced.
 *
 * One thread at a time publishes (the writer). Readers never wait and never
 * free: whoever drops the last reference on a retired map only signals, and
 * the writer frees it in vmem_space_reclaim().
 *
 *   generation  counts publications, from 1; 0 means "nothing published".
 *               A reader that keeps translated pointers compares it, by one
 *               acquire load, and translates anew when it changed.
 *   reader      a slot of one thread that looks at maps. Either it enters,
 *               uses the map and leaves, without holding anything; or it
 *               takes a counted reference that it may keep.
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

/* Frozen; one cache line; all members private. */
struct vmem_reader {
	uint64_t slot;
	struct vmem_space *space;
	struct vmem_reader *next;
	unsigned char pad[64 - sizeof(uint64_t) - 2 * sizeof(void *)];
};

VMEM_API int vmem_space_new(struct vmem_space **out) VSU_NODISCARD;

/*
 * Frees the space and its reference on the current map. All readers must have
 * been removed; maps that are still referenced live on until their last
 * reference goes, which then frees them itself.
 */
VMEM_API void vmem_space_free(struct vmem_space *space);

/*
 * Makes map the current one and takes a reference on it; NULL for no memory.
 * The former one is retired. A map is published once, in one space (-EINVAL
 * otherwise).
 */
VMEM_API int vmem_space_publish(struct vmem_space *space, struct vmem_map *map)
	VSU_NODISCARD;

/* The current map, borrowed, for the writer's thread; NULL when none. */
VMEM_API struct vmem_map *vmem_space_current(const struct vmem_space *space);

/* The address of the generation, for one acquire load per batch. */
VMEM_API const uint64_t *vmem_space_generation(const struct vmem_space *space);

/*
 * An eventfd, borrowed, that is signalled when the last reference goes on a
 * retired map that vmem_space_reclaim(), called after the last publication,
 * found in use; -1 until it was asked for by vmem_space_want_event(). A reader
 * that leaves signals nothing, so as to cost nothing: while reclaim says that
 * maps remain and no event comes, the writer calls it again in its own time.
 */
VMEM_API int vmem_space_want_event(struct vmem_space *space) VSU_NODISCARD;
VMEM_API int vmem_space_event_fd(const struct vmem_space *space);

/*
 * Frees what nobody uses any more; returns how many retired maps remain. One
 * that only a reader between enter and leave kept is freed by a later call.
 */
VMEM_API unsigned int vmem_space_reclaim(struct vmem_space *space);

VMEM_API void vmem_space_add_reader(struct vmem_space *space,
				    struct vmem_reader *reader);
VMEM_API void vmem_space_remove_reader(struct vmem_reader *reader);

/*
 * The current map, valid until leave; NULL when none. Does not nest. What
 * keeps a map for long takes a reference instead, whose end is signalled.
 */
VMEM_API struct vmem_map *vmem_reader_enter(struct vmem_reader *reader);
VMEM_API void vmem_reader_leave(struct vmem_reader *reader);

/* The current map with a reference that the caller drops; NULL when none. */
VMEM_API struct vmem_map *vmem_reader_map_ref(struct vmem_reader *reader);

VSU_END_DECLS

#endif

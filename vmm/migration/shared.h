/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared memory that moves as a descriptor: over a UNIX socket the source sends the
 * descriptors of its memfds, shm objects and shared files, and the destination maps
 * them in place of memory of its own, so that their content is not copied. Memory of a
 * guest_memfd belongs to the source's VM, and is copied.
 *
 * Both processes have the memory then. The destination locks it (vmm_memory_lock()) and
 * writes to it only after the source has sent "go"; before, KVM stores the time of the
 * guest's boot there, if the guest has asked for it.
 *
 * Threads: confined.
 */
#ifndef VMM_MIGRATION_SHARED_H
#define VMM_MIGRATION_SHARED_H

#include "memory/memory.h"
#include "migration/stream.h"

/*
 * Sends a section "shared". *pieces is a bit mask of the pieces of memory that were sent,
 * by their numbers in memory->blocks; 0 for other sockets.
 */
int vmm_shared_send(struct vmm_stream *s, const struct vmm_memory *memory,
		    uint64_t *pieces, struct vsu_error *err);

/*
 * Receives it: memory->given are the descriptors, for vmm_memory_make(). -EBADMSG: an
 * impossible section, or another number of descriptors.
 */
int vmm_shared_receive(struct vmm_stream *s, struct vmm_memory *memory,
		       struct vsu_error *err);

#endif

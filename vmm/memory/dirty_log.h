/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A bitmap of the pages that another process or the kernel has written: one bit for
 * each 4 KiB of guest memory from address 0 on, lowest bit of a byte first. The writer
 * sets bits, and this process fetches and clears them.
 *
 * The writer is not trusted: it can set any bit. Its file is sealed, so that nobody can
 * truncate it.
 *
 * Threads: vmm_dirty_log_add() and _harvest() any, at the same time; else the owner's.
 */
#ifndef VMM_DIRTY_LOG_H
#define VMM_DIRTY_LOG_H

#include <stdint.h>

#include <vm-arch/slots.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

struct vmm_dirty_log {
	int fd;
	uint64_t size;		/* bytes */
	uint64_t *words;	/* NULL: no log */
};

/*
 * An empty log for all memory of the map, and for addresses below end, where memory may
 * come later. On failure log has none.
 */
int vmm_dirty_log_init(struct vmm_dirty_log *log, const struct vmem_map *map,
		       uint64_t end, struct vsu_error *err);
/* Also for zeros. Writers keep their own mappings. */
void vmm_dirty_log_free(struct vmm_dirty_log *log);

/* Sets the bits of a range, as far as the log has them. */
void vmm_dirty_log_add(const struct vmm_dirty_log *log, uint64_t gpa,
		       uint64_t len);

/*
 * Clears the words with bits of a range, and calls fn for those that were not 0. They can
 * contain bits of up to 63 pages beside the range.
 */
void vmm_dirty_log_harvest(const struct vmm_dirty_log *log, uint64_t gpa,
			   uint64_t len, varch_slots_log_fn fn, void *opaque);

#endif

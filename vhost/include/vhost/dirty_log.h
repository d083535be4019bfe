/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A dirty log for a front-end: a bitmap of the pages that a back-end or the host's kernel has
 * written, one bit for each 4 KiB of guest memory from address 0 on, lowest bit of a byte first.
 * vhost_user_frontend_set_log() passes its file, vhost_kern_set_log() its words. The writer sets
 * bits, and this process fetches and clears them.
 *
 * The writer is not trusted: it can set any bit. The file is sealed, so that nobody can
 * truncate it.
 *
 * Threads: vhost_dirty_log_add() and _harvest() any, at the same time; else the owner's.
 */
#ifndef VHOST_DIRTY_LOG_H
#define VHOST_DIRTY_LOG_H

#include <stdint.h>

#include <vhost/attributes.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_dirty_log {
	int fd;
	uint64_t size;		/* bytes */
	uint64_t *words;	/* NULL: no log */
};

/*
 * An empty log for all memory of the map, and for addresses below end, where memory may
 * come later. On failure log has none.
 */
VHOST_USER_API int vhost_dirty_log_init(struct vhost_dirty_log *log, const struct vmem_map *map,
					uint64_t end, struct vsu_error *err) VSU_NODISCARD;
/* Also for zeros. Writers keep their own mappings. */
VHOST_USER_API void vhost_dirty_log_free(struct vhost_dirty_log *log);

/* Sets the bits of a range, as far as the log has them: for stores of this process. */
VHOST_USER_API void vhost_dirty_log_add(const struct vhost_dirty_log *log, uint64_t gpa,
					uint64_t len);

/* One bit of words for each page of 4 KiB from gpa on. */
typedef void (*vhost_dirty_log_fn)(void *opaque, uint64_t gpa, const uint64_t *words,
				   uint64_t npages);

/*
 * Clears the words with bits of a range, and calls fn for those that were not 0. They can
 * contain bits of up to 63 pages beside the range.
 */
VHOST_USER_API void vhost_dirty_log_harvest(const struct vhost_dirty_log *log, uint64_t gpa,
					    uint64_t len, vhost_dirty_log_fn fn, void *opaque);

VSU_END_DECLS

#endif

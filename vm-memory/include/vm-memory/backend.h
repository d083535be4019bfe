/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Making guest memory: a builder with the properties of a memory back-end,
 * named as in QEMU, settable one by one or as "key=value,...".
 *
 *   backend      anon (default), file, memfd, shm, guest-memfd
 *   size         bytes; the one property that has no default
 *   mem-path     file: the path of a file or a directory
 *   offset       file: where in the file the memory begins
 *   share        on: others with the fd see stores. Default off, memfd: on
 *   readonly     file: opened for reading only
 *   rom          file: auto (as readonly), on, off
 *   align        file: alignment of the host address
 *   seal         memfd: grow, shrink and seal forbidden; default on
 *   prealloc     all pages present before the first use
 *   (further properties: see the man page libvm-memory(3))
 *
 * Setting only records; vmem_backend_check() judges the whole combination
 * without touching a file; vmem_backend_alloc() gathers the facts, checks,
 * opens, maps and yields a block, or leaves the file system as it was.
 *
 * Threads: confined to one thread.
 */
#ifndef VM_MEMORY_BACKEND_H
#define VM_MEMORY_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_backend;

VMEM_API int vmem_backend_new(struct vmem_backend **out);
VMEM_API void vmem_backend_free(struct vmem_backend *backend);

/* One property as text, as a person would write it. */
VMEM_API int vmem_backend_set(struct vmem_backend *backend, const char *key,
			      const char *value, struct vsu_error *err);

/* "key=value,key=value"; what names the list in sentences ("--memory"). */
VMEM_API int vmem_backend_parse(struct vmem_backend *backend, const char *what,
				const char *list, struct vsu_error *err);

/* The same properties for programs. */
VMEM_API void vmem_backend_set_kind(struct vmem_backend *backend,
				    enum vmem_kind kind);
VMEM_API void vmem_backend_set_size(struct vmem_backend *backend, uint64_t size);
VMEM_API int vmem_backend_set_path(struct vmem_backend *backend,
				   const char *path);
VMEM_API void vmem_backend_set_offset(struct vmem_backend *backend,
				      uint64_t offset);
VMEM_API void vmem_backend_set_share(struct vmem_backend *backend, bool on);
VMEM_API void vmem_backend_set_readonly(struct vmem_backend *backend, bool on);

/* The table that the block enters; NULL (the default) for none. */
VMEM_API void vmem_backend_set_sigbus(struct vmem_backend *backend,
				      struct vmem_sigbus *table);

/* Opens, maps and checks. The builder may be used again. */
VMEM_API int vmem_backend_alloc(const struct vmem_backend *backend,
				struct vmem_block **out, struct vsu_error *err);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reading and writing guest memory.
 *
 * All functions take a view and guest addresses, cross from one region to the
 * next where regions touch, and check permissions (VMEM_READ, VMEM_WRITE) in
 * one place. Those that store mark dirty bitmaps after the store.
 *
 * Counts: functions that return ssize_t return the bytes done, fewer when the
 * range runs into a hole or a range that forbids the access, -EFAULT when not
 * even the first byte could be. A length of 0 gives 0 whatever the address.
 * The _exact forms do all or return -EFAULT; what was done is not undone.
 *
 * Pieces of at most 8 bytes that are aligned on both sides are moved by one
 * load and one store, never byte by byte.
 *
 * Threads: as the view. Guest memory changes under every call.
 */
#ifndef VM_MEMORY_ACCESS_H
#define VM_MEMORY_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <vm-memory/attributes.h>
#include <vm-memory/map.h>

VSU_BEGIN_DECLS

VMEM_API ssize_t vmem_read(const struct vmem_view *view, uint64_t gpa,
			   void *buf, size_t len);
VMEM_API ssize_t vmem_write(const struct vmem_view *view, uint64_t gpa,
			    const void *buf, size_t len);
VMEM_API int vmem_read_exact(const struct vmem_view *view, uint64_t gpa,
			     void *buf, size_t len);
VMEM_API int vmem_write_exact(const struct vmem_view *view, uint64_t gpa,
			      const void *buf, size_t len);

/*
 * Fills iov with the host pieces of [gpa, gpa + len), at most max of them.
 * Returns how many, covering the range from its start; *done is the number of
 * bytes covered. Fewer than len when a hole, a forbidden range or the end of
 * iov was met; -EFAULT when nothing was.
 */
VMEM_API int vmem_slices(const struct vmem_view *view, uint64_t gpa,
			 uint64_t len, uint32_t access, struct iovec *iov,
			 unsigned int max, uint64_t *done);

/* True when all of [gpa, gpa + len) is memory that allows the access. */
VMEM_API bool vmem_check_range(const struct vmem_view *view, uint64_t gpa,
			       uint64_t len, uint32_t access);

/*
 * One access, never torn, naturally aligned and within one region; -EFAULT
 * when there is no such memory, -EINVAL when the host address is not aligned.
 * order is one of the __ATOMIC_ constants that suits a load or a store.
 */
VMEM_API int vmem_load_u8(const struct vmem_view *view, uint64_t gpa,
			  uint8_t *value, int order);
VMEM_API int vmem_load_u16(const struct vmem_view *view, uint64_t gpa,
			   uint16_t *value, int order);
VMEM_API int vmem_load_u32(const struct vmem_view *view, uint64_t gpa,
			   uint32_t *value, int order);
VMEM_API int vmem_load_u64(const struct vmem_view *view, uint64_t gpa,
			   uint64_t *value, int order);
VMEM_API int vmem_store_u8(const struct vmem_view *view, uint64_t gpa,
			   uint8_t value, int order);
VMEM_API int vmem_store_u16(const struct vmem_view *view, uint64_t gpa,
			    uint16_t value, int order);
VMEM_API int vmem_store_u32(const struct vmem_view *view, uint64_t gpa,
			    uint32_t value, int order);
VMEM_API int vmem_store_u64(const struct vmem_view *view, uint64_t gpa,
			    uint64_t value, int order);

VSU_END_DECLS

#endif

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

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <vm-memory/attributes.h>
#include <vm-memory/map.h>

VSU_BEGIN_DECLS

VMEM_API ssize_t vmem_read(const struct vmem_view *view, uint64_t gpa,
			   void *buf, size_t len) VSU_NODISCARD;
VMEM_API ssize_t vmem_write(const struct vmem_view *view, uint64_t gpa,
			    const void *buf, size_t len) VSU_NODISCARD;
VMEM_API int vmem_read_exact(const struct vmem_view *view, uint64_t gpa,
			     void *buf, size_t len) VSU_NODISCARD;
VMEM_API int vmem_write_exact(const struct vmem_view *view, uint64_t gpa,
			      const void *buf, size_t len) VSU_NODISCARD;

/*
 * Fills iov with the host pieces of [gpa, gpa + len), at most max of them.
 * Returns how many, covering the range from its start; *done is the number of
 * bytes covered. Fewer than len when a hole, a forbidden range or the end of
 * iov was met; -EFAULT when nothing was.
 */
VMEM_API int vmem_slices(const struct vmem_view *view, uint64_t gpa,
			 uint64_t len, uint32_t access, struct iovec *iov,
			 unsigned int max, uint64_t *done) VSU_NODISCARD;

/* True when all of [gpa, gpa + len) is memory that allows the access. */
VMEM_API bool vmem_check_range(const struct vmem_view *view, uint64_t gpa,
			       uint64_t len, uint32_t access);

/*
 * The index of a ring: one access, never torn, within one region; -EFAULT when
 * there is no such memory, -EINVAL when the host address is not aligned. order
 * is one of the __ATOMIC_ constants that suits a load or a store.
 */
VMEM_API int vmem_load_u16(const struct vmem_view *view, uint64_t gpa,
			   uint16_t *value, int order) VSU_NODISCARD;
VMEM_API int vmem_store_u16(const struct vmem_view *view, uint64_t gpa,
			    uint16_t value, int order) VSU_NODISCARD;

/*
 * Between guest memory and a descriptor, without a copy on the way. Counts as
 * above; in addition the transfer ends early, with what was done, at the end
 * of the file, after a read that gave less than was asked for, and when the
 * descriptor would block. A failure before the first byte is returned as the
 * negative errno of the system call. Interrupted calls are continued. The
 * read takes a position and leaves the descriptor's alone.
 *
 * A failed read may have stored anything in the piece it was given, so that
 * piece is marked dirty.
 */
VMEM_API ssize_t vmem_pread_from_fd(const struct vmem_view *view, uint64_t gpa,
				    size_t len, int fd, uint64_t pos)
	VSU_NODISCARD;
VMEM_API ssize_t vmem_write_to_fd(const struct vmem_view *view, uint64_t gpa,
				  size_t len, int fd) VSU_NODISCARD;

/*
 * Marks what of [gpa, gpa + len) is memory as stored to, for callers that
 * had the kernel or a library store through vmem_slices().
 */
VMEM_API void vmem_mark_written(const struct vmem_view *view, uint64_t gpa,
				uint64_t len);

/*
 * The inline way, for code that touches guest memory often: one value through
 * a hint that the caller keeps. Any alignment, across regions too; never torn
 * where it is aligned. 0 or -EFAULT.
 */
#define VMEM_DEFINE_GET_PUT_(type, name)				\
VSU_NODISCARD								\
static inline int vmem_get_##name(const struct vmem_view *view,	\
				  uint32_t *hint, uint64_t gpa,		\
				  type *value)				\
{									\
	uint64_t off;							\
	const struct vmem_range *range =				\
		vmem_view_range_(view, hint, gpa, sizeof(type),		\
				 VMEM_READ, &off);			\
	type any;							\
									\
	if (VSU_LIKELY(range && !((uintptr_t)(range->hva + off) %	\
				  sizeof(type)))) {			\
		*value = __atomic_load_n((const type *)(const void *)	\
					 (range->hva + off),		\
					 __ATOMIC_RELAXED);		\
		return 0;						\
	}								\
	if (vmem_read_exact(view, gpa, &any, sizeof(type)))		\
		return -EFAULT;						\
	*value = any;	/* whose address is not known to anybody */	\
	return 0;							\
}									\
									\
VSU_NODISCARD								\
static inline int vmem_put_##name(const struct vmem_view *view,	\
				  uint32_t *hint, uint64_t gpa,		\
				  type value)				\
{									\
	uint64_t off;							\
	const struct vmem_range *range =				\
		vmem_view_range_(view, hint, gpa, sizeof(type),		\
				 VMEM_WRITE, &off);			\
	struct vmem_dirty *dirty;					\
	unsigned char *hva;						\
									\
	if (VSU_UNLIKELY(!range || (uintptr_t)(range->hva + off) %	\
				   sizeof(type))) {			\
		type any = value;					\
									\
		return vmem_write_exact(view, gpa, &any,		\
					sizeof(type));			\
	}								\
	hva = range->hva + off;						\
	dirty = range->dirty;						\
	__atomic_store_n((type *)(void *)hva, value, __ATOMIC_RELAXED);	\
	vmem_dirty_mark(dirty, hva, sizeof(type));			\
	return 0;							\
}

VMEM_DEFINE_GET_PUT_(uint8_t, u8)
VMEM_DEFINE_GET_PUT_(uint16_t, u16)
VMEM_DEFINE_GET_PUT_(uint32_t, u32)
VMEM_DEFINE_GET_PUT_(uint64_t, u64)

/* The same for any length, all of it or -EFAULT; best with a constant. */
VSU_NODISCARD
static inline int vmem_get(const struct vmem_view *view, uint32_t *hint,
			   uint64_t gpa, void *buf, size_t len)
{
	uint64_t off;
	const struct vmem_range *range =
		vmem_view_range_(view, hint, gpa, len, VMEM_READ, &off);

	if (VSU_UNLIKELY(!range || len <= 8))
		return vmem_read_exact(view, gpa, buf, len);
	memcpy(buf, range->hva + off, len);
	return 0;
}

VSU_NODISCARD
static inline int vmem_put(const struct vmem_view *view, uint32_t *hint,
			   uint64_t gpa, const void *buf, size_t len)
{
	uint64_t off;
	const struct vmem_range *range =
		vmem_view_range_(view, hint, gpa, len, VMEM_WRITE, &off);
	struct vmem_dirty *dirty;
	unsigned char *hva;

	if (VSU_UNLIKELY(!range || len <= 8))
		return vmem_write_exact(view, gpa, buf, len);
	hva = range->hva + off;
	dirty = range->dirty;
	memcpy(hva, buf, len);
	vmem_dirty_mark(dirty, hva, len);
	return 0;
}

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reading and writing guest memory.
 *
 * All functions use a view and guest addresses, continue across adjacent regions,
 * and check permissions (VMEM_READ, VMEM_WRITE). Functions that store mark dirty
 * bitmaps after the store.
 *
 * Results: functions of type ssize_t return the number of processed bytes. They stop
 * at a hole or at a region that does not permit the access, and then return fewer than
 * len, or -EFAULT at the first byte. Length 0 returns 0, for any address. The _exact
 * functions process all bytes or return -EFAULT; bytes stored before the failure remain
 * stored.
 *
 * A value of 2, 4 or 8 bytes at an aligned host address in one region is copied by one
 * access to guest memory, so it is never torn. buf may have any alignment.
 *
 * Threads: any that may use the view. The guest can change its memory during each call.
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
 * Stores the host addresses of [gpa, gpa + len) in iov, up to max pieces. Returns
 * the number of pieces, and the number of bytes in *done: fewer than len at a hole,
 * at a region that does not permit the access, or at the end of iov. -EFAULT: this
 * applies to the first byte.
 */
VMEM_API int vmem_slices(const struct vmem_view *view, uint64_t gpa,
			 uint64_t len, uint32_t access, struct iovec *iov,
			 unsigned int max, uint64_t *done) VSU_NODISCARD;

/* True if all of [gpa, gpa + len) is memory that permits the access. */
VMEM_API bool vmem_check_range(const struct vmem_view *view, uint64_t gpa,
			       uint64_t len, uint32_t access);

/*
 * Atomic load or store, for example of a ring's index. order is an __ATOMIC_ constant
 * that is valid for the operation. -EFAULT: the value is not in one region that permits
 * the access; -EINVAL: its host address is not aligned.
 */
VMEM_API int vmem_load_u16(const struct vmem_view *view, uint64_t gpa,
			   uint16_t *value, int order) VSU_NODISCARD;
VMEM_API int vmem_store_u16(const struct vmem_view *view, uint64_t gpa,
			    uint16_t value, int order) VSU_NODISCARD;

/*
 * Transfer between guest memory and a descriptor without an intermediate copy.
 * Results as above. The transfer also ends early at the end of the file, after a
 * short read, and when a system call fails. If the first call fails, its negative
 * errno is returned, such as -EAGAIN. Calls are repeated after EINTR.
 * vmem_pread_from_fd() does not use or change the position of the descriptor; -EINVAL:
 * pos plus len exceeds INT64_MAX.
 *
 * A failed read marks its whole range dirty, because the kernel may have stored bytes.
 */
VMEM_API ssize_t vmem_pread_from_fd(const struct vmem_view *view, uint64_t gpa,
				    size_t len, int fd, uint64_t pos)
	VSU_NODISCARD;
VMEM_API ssize_t vmem_write_to_fd(const struct vmem_view *view, uint64_t gpa,
				  size_t len, int fd) VSU_NODISCARD;

/*
 * Marks [gpa, gpa + len) dirty. Call it after the kernel or a library has stored to
 * host addresses from vmem_slices().
 */
VMEM_API void vmem_mark_written(const struct vmem_view *view, uint64_t gpa,
				uint64_t len);

/*
 * Inline access to one value, for hot paths: vmem_get_u8() to vmem_put_u64(). hint is a
 * variable of the caller that caches the last region (map.h). The value may be
 * unaligned or cross regions; an aligned one is accessed atomically. 0 or -EFAULT.
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
	*value = any;	/* value itself may then stay in a register */	\
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

/* Inline access to len bytes: all of them, or -EFAULT. Fastest if len is constant. */
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

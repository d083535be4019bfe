/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reading and writing guest memory, piece by piece of the regions that contain it. All
 * functions with a length use next_piece(), which checks the permission.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <vm-memory/access.h>

struct piece {
	unsigned char *hva;
	struct vmem_dirty *dirty;
	uint64_t len;
};

/* The longest piece of [gpa, gpa + len) in one region; false: none. */
static inline VMEM_HOT_ bool next_piece(const struct vmem_view *view,
					uint64_t gpa, uint64_t len,
					uint32_t access, struct piece *p)
{
	uint32_t hint = VMEM_HINT_NONE_;
	uint64_t off;
	const struct vmem_range *r = vmem_view_range_(view, &hint, gpa, 1,
						      access, &off);

	if (!r)
		return false;
	p->hva = r->hva + off;
	p->dirty = r->dirty;
	p->len = len - 1 <= r->span - off ? len : r->span - off + 1;
	return true;
}

/* Advances by a piece; false at the end, and at the end of the address space. */
static bool access_advance(uint64_t *gpa, uint64_t *left, uint64_t n)
{
	*gpa += n;
	*left -= n;
	return *left && *gpa;
}

#define IS_ALIGNED(p, n) (!((uintptr_t)(p) & ((n) - 1)))

/*
 * Copies up to 8 bytes with the fewest aligned accesses to guest memory, so
 * that a value which another processor stores with one access is never seen
 * torn. The private buffer may have any alignment.
 */
#define LOAD_PIECE(type, dst, src, n)					\
	do {								\
		if ((n) >= sizeof(type) && IS_ALIGNED(src, sizeof(type))) { \
			type v_ = __atomic_load_n(			\
				(const type *)(const void *)(src),	\
				__ATOMIC_RELAXED);			\
			memcpy(dst, &v_, sizeof(type));			\
			return sizeof(type);				\
		}							\
	} while (0)

#define STORE_PIECE(type, dst, src, n)					\
	do {								\
		if ((n) >= sizeof(type) && IS_ALIGNED(dst, sizeof(type))) { \
			type v_;					\
			memcpy(&v_, src, sizeof(type));			\
			__atomic_store_n((type *)(void *)(dst), v_,	\
					 __ATOMIC_RELAXED);		\
			return sizeof(type);				\
		}							\
	} while (0)

static inline size_t load_some(unsigned char *buf, const unsigned char *hva,
			       size_t n)
{
	LOAD_PIECE(uint64_t, buf, hva, n);
	LOAD_PIECE(uint32_t, buf, hva, n);
	LOAD_PIECE(uint16_t, buf, hva, n);
	*buf = __atomic_load_n(hva, __ATOMIC_RELAXED);
	return 1;
}

static inline size_t store_some(unsigned char *hva, const unsigned char *buf,
				size_t n)
{
	STORE_PIECE(uint64_t, hva, buf, n);
	STORE_PIECE(uint32_t, hva, buf, n);
	STORE_PIECE(uint16_t, hva, buf, n);
	__atomic_store_n(hva, *buf, __ATOMIC_RELAXED);
	return 1;
}

static void copy_from_guest(unsigned char *buf, const unsigned char *hva,
			    size_t n)
{
	size_t step;

	if (n > 8) {
		memcpy(buf, hva, n);
		return;
	}
	for (; n; n -= step, buf += step, hva += step)
		step = load_some(buf, hva, n);
}

static void copy_to_guest(unsigned char *hva, const unsigned char *buf,
			  size_t n)
{
	size_t step;

	if (n > 8) {
		memcpy(hva, buf, n);
		return;
	}
	for (; n; n -= step, buf += step, hva += step)
		step = store_some(hva, buf, n);
}

static size_t clamp_len(size_t len)
{
	return len > SSIZE_MAX ? SSIZE_MAX : len;
}

ssize_t vmem_read(const struct vmem_view *view, uint64_t gpa, void *buf,
		  size_t len)
{
	uint64_t left = clamp_len(len), all = left;
	unsigned char *to = buf;
	struct piece p;

	if (!left)
		return 0;
	do {
		if (!next_piece(view, gpa, left, VMEM_READ, &p))
			break;
		copy_from_guest(to, p.hva, p.len);
		to += p.len;
	} while (access_advance(&gpa, &left, p.len));
	return left == all ? -EFAULT : (ssize_t)(all - left);
}

ssize_t vmem_write(const struct vmem_view *view, uint64_t gpa, const void *buf,
		   size_t len)
{
	uint64_t left = clamp_len(len), all = left;
	const unsigned char *from = buf;
	struct piece p;

	if (!left)
		return 0;
	do {
		if (!next_piece(view, gpa, left, VMEM_WRITE, &p))
			break;
		copy_to_guest(p.hva, from, p.len);
		vmem_dirty_mark(p.dirty, p.hva, p.len);
		from += p.len;
	} while (access_advance(&gpa, &left, p.len));
	return left == all ? -EFAULT : (ssize_t)(all - left);
}

int vmem_read_exact(const struct vmem_view *view, uint64_t gpa, void *buf,
		    size_t len)
{
	ssize_t n = vmem_read(view, gpa, buf, len);

	return n >= 0 && (size_t)n == len ? 0 : -EFAULT;
}

int vmem_write_exact(const struct vmem_view *view, uint64_t gpa,
		     const void *buf, size_t len)
{
	ssize_t n = vmem_write(view, gpa, buf, len);

	return n >= 0 && (size_t)n == len ? 0 : -EFAULT;
}

int vmem_slices(const struct vmem_view *view, uint64_t gpa, uint64_t len,
		uint32_t access, struct iovec *iov, unsigned int max,
		uint64_t *done)
{
	uint64_t left = len;
	unsigned int n = 0;
	struct piece p;

	while (n < max && left) {
		if (!next_piece(view, gpa, left, access, &p))
			break;
		iov[n].iov_base = p.hva;
		iov[n].iov_len = p.len;
		n++;
		if (!access_advance(&gpa, &left, p.len))
			break;
	}
	if (len && max && !n)
		return -EFAULT;
	*done = len - left;
	return (int)n;
}

bool vmem_check_range(const struct vmem_view *view, uint64_t gpa, uint64_t len,
		      uint32_t access)
{
	struct piece p;

	if (!len)
		return true;
	do {
		if (!next_piece(view, gpa, len, access, &p))
			return false;
	} while (access_advance(&gpa, &len, p.len));
	return !len;
}

void vmem_mark_written(const struct vmem_view *view, uint64_t gpa, uint64_t len)
{
	struct piece p;

	if (!len)
		return;
	do {
		if (!next_piece(view, gpa, len, VMEM_WRITE, &p))
			return;
		vmem_dirty_mark(p.dirty, p.hva, p.len);
	} while (access_advance(&gpa, &len, p.len));
}

/* Locates an access that is never torn: in one region, and aligned. */
static inline int index_locate(const struct vmem_view *view, uint64_t gpa,
			       uint32_t access, struct piece *p)
{
	uint32_t hint = VMEM_HINT_NONE_;
	uint64_t off;
	const struct vmem_range *r = vmem_view_range_(view, &hint, gpa, 2,
						      access, &off);

	if (!r)
		return -EFAULT;
	p->hva = r->hva + off;
	p->dirty = r->dirty;
	return IS_ALIGNED(p->hva, 2) ? 0 : -EINVAL;
}

int vmem_load_u16(const struct vmem_view *view, uint64_t gpa, uint16_t *value,
		  int order)
{
	struct piece p;
	int rc = index_locate(view, gpa, VMEM_READ, &p);
	const uint16_t *at;

	if (rc < 0)
		return rc;
	at = (const uint16_t *)(const void *)p.hva;
	if (order == __ATOMIC_RELAXED)
		*value = __atomic_load_n(at, __ATOMIC_RELAXED);
	else if (order == __ATOMIC_ACQUIRE)
		*value = __atomic_load_n(at, __ATOMIC_ACQUIRE);
	else
		*value = __atomic_load_n(at, __ATOMIC_SEQ_CST);
	return 0;
}

int vmem_store_u16(const struct vmem_view *view, uint64_t gpa, uint16_t value,
		   int order)
{
	struct piece p;
	int rc = index_locate(view, gpa, VMEM_WRITE, &p);
	uint16_t *at;

	if (rc < 0)
		return rc;
	at = (uint16_t *)(void *)p.hva;
	if (order == __ATOMIC_RELAXED)
		__atomic_store_n(at, value, __ATOMIC_RELAXED);
	else if (order == __ATOMIC_RELEASE)
		__atomic_store_n(at, value, __ATOMIC_RELEASE);
	else
		__atomic_store_n(at, value, __ATOMIC_SEQ_CST);
	vmem_dirty_mark(p.dirty, p.hva, sizeof(value));
	return 0;
}

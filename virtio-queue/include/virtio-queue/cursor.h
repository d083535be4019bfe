/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cursors read and write the bytes of a chain, independently of its division into
 * pieces.
 *
 * A reader covers the readable pieces, a writer the writable ones. Both count the bytes
 * they have processed. A writer marks its stores in dirty bitmaps and logs.
 *
 * Threads: confined, like the queue. A cursor without a queue (q is NULL) may be used on
 * any thread between pop and push. It marks nothing, so report its stores by
 * vq_chain_written() before the push.
 */
#ifndef VIRTIO_QUEUE_CURSOR_H
#define VIRTIO_QUEUE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <virtio-queue/queue.h>
#include <vmm-sys-util/endian.h>

VSU_BEGIN_DECLS

/* Fixed layout; members private. */
struct vq_cursor {
	struct vq *q;
	const struct vq_chain *chain;
	const struct iovec *iov;	/* current piece */
	uint32_t niov;			/* pieces left, with the current one */
	uint32_t piece_off;		/* into the current piece */
	uint32_t done, left;		/* bytes */
};

/*
 * vq_reader_init() and vq_writer_init() are inlined. The library also exports them, for
 * programs that were built earlier or without optimisation.
 */
#ifndef VQ_CURSOR_INLINE
#define VQ_CURSOR_INLINE extern inline __attribute__((__gnu_inline__))
#endif

/* Initializes a cursor at the start of a popped chain. */
VQ_API void vq_reader_init(struct vq_cursor *cursor, struct vq *q,
			   const struct vq_chain *chain);
VQ_API void vq_writer_init(struct vq_cursor *cursor, struct vq *q,
			   const struct vq_chain *chain);

VQ_CURSOR_INLINE void vq_reader_init(struct vq_cursor *cursor, struct vq *q,
				     const struct vq_chain *chain)
{
	cursor->q = q;
	cursor->chain = chain;
	cursor->iov = chain->iov;
	cursor->niov = chain->nreadable;
	cursor->piece_off = 0;
	cursor->done = 0;
	cursor->left = chain->readable_len;
}

VQ_CURSOR_INLINE void vq_writer_init(struct vq_cursor *cursor, struct vq *q,
				     const struct vq_chain *chain)
{
	vq_reader_init(cursor, q, chain);
	cursor->iov += chain->nreadable;
	cursor->niov = chain->nwritable;
	cursor->left = chain->writable_len;
}

static inline uint32_t vq_cursor_left(const struct vq_cursor *cursor)
{
	return cursor->left;
}

static inline uint32_t vq_cursor_done(const struct vq_cursor *cursor)
{
	return cursor->done;
}

/* Copies up to len bytes to buf and advances; returns their number. */
VQ_API uint32_t vq_cursor_read(struct vq_cursor *cursor, void *buf,
			       uint32_t len);

/* Reads exactly len bytes; false if fewer are left, without advancing. */
VQ_API bool vq_cursor_read_exact(struct vq_cursor *cursor, void *buf,
				 uint32_t len) VSU_NODISCARD;

/* Reads exactly len bytes as vq_cursor_read_exact() does, without advancing. */
VQ_API bool vq_cursor_peek(const struct vq_cursor *cursor, void *buf,
			   uint32_t len) VSU_NODISCARD;

/* Stores up to len bytes of buf and advances; returns their number. */
VQ_API uint32_t vq_cursor_write(struct vq_cursor *cursor, const void *buf,
				uint32_t len);

/* Stores up to len zero bytes and advances; returns their number. */
VQ_API uint32_t vq_cursor_zero(struct vq_cursor *cursor, uint32_t len);

/*
 * Copies up to len bytes from a reader to a writer, of the same chain or another, and
 * advances both. Returns the number of bytes, less than len if either cursor ends. If the
 * guest passed overlapping pieces, the copied bytes are undefined, but all come from its
 * memory.
 */
VQ_API uint32_t vq_cursor_copy(struct vq_cursor *to, struct vq_cursor *from,
			       uint32_t len);

/* Advances without access; returns the number of skipped bytes. */
VQ_API uint32_t vq_cursor_skip(struct vq_cursor *cursor, uint32_t len);

/*
 * Moves the last len bytes, such as a status byte, from cursor to the new cursor tail.
 * False if fewer are left; both cursors are then unchanged.
 */
VQ_API bool vq_cursor_split_tail(struct vq_cursor *cursor, uint32_t len,
				 struct vq_cursor *tail) VSU_NODISCARD;

/*
 * For zero-copy transfers: stores the host addresses of up to the next len bytes in
 * iov, and advances. Returns the number of pieces, at most max, and their length in
 * *bytes. Report stores to them by vq_chain_written().
 */
VQ_API int vq_cursor_iov(struct vq_cursor *cursor, uint32_t len,
			 struct iovec *iov, int max, uint32_t *bytes)
	VSU_NODISCARD;

/*
 * Transfer up to len bytes by one system call: from a reader to a descriptor, or from
 * a descriptor to a writer. off is a file position, or -1 for a stream. The cursor
 * advances by the number of transferred bytes, which is returned. It can be less than
 * len; 0: nothing is left, or end of file. A failed call returns its negative errno.
 */
VQ_API ssize_t vq_cursor_to_fd(struct vq_cursor *cursor, int fd, int64_t off,
			       uint32_t len) VSU_NODISCARD;
VQ_API ssize_t vq_cursor_from_fd(struct vq_cursor *cursor, int fd, int64_t off,
				 uint32_t len) VSU_NODISCARD;

/* Stores exactly len bytes; false if less room is left, without advancing. */
VSU_NODISCARD
static inline bool vq_cursor_write_exact(struct vq_cursor *cursor,
					 const void *buf, uint32_t len)
{
	return len <= cursor->left &&
	       vq_cursor_write(cursor, buf, len) == len;
}

/*
 * Transfer a whole structure, such as a request header, or nothing. obj points to a
 * structure whose members are struct vsu_le32 and similar types.
 */
#define vq_cursor_read_obj(cursor, obj) \
	vq_cursor_read_exact(cursor, obj, (uint32_t)sizeof(*(obj)))
#define vq_cursor_peek_obj(cursor, obj) \
	vq_cursor_peek(cursor, obj, (uint32_t)sizeof(*(obj)))
#define vq_cursor_write_obj(cursor, obj) \
	vq_cursor_write_exact(cursor, obj, (uint32_t)sizeof(*(obj)))

/* Single little-endian numbers. *out is written on success only. */
VSU_NODISCARD
static inline bool vq_cursor_read_le16(struct vq_cursor *cursor, uint16_t *out)
{
	struct vsu_le16 v;

	if (!vq_cursor_read_obj(cursor, &v))
		return false;
	*out = vsu_le16_load(v);
	return true;
}

VSU_NODISCARD
static inline bool vq_cursor_read_le32(struct vq_cursor *cursor, uint32_t *out)
{
	struct vsu_le32 v;

	if (!vq_cursor_read_obj(cursor, &v))
		return false;
	*out = vsu_le32_load(v);
	return true;
}

VSU_NODISCARD
static inline bool vq_cursor_read_le64(struct vq_cursor *cursor, uint64_t *out)
{
	struct vsu_le64 v;

	if (!vq_cursor_read_obj(cursor, &v))
		return false;
	*out = vsu_le64_load(v);
	return true;
}

VSU_NODISCARD
static inline bool vq_cursor_write_le16(struct vq_cursor *cursor, uint16_t v)
{
	struct vsu_le16 le = vsu_le16_make(v);

	return vq_cursor_write_obj(cursor, &le);
}

VSU_NODISCARD
static inline bool vq_cursor_write_le32(struct vq_cursor *cursor, uint32_t v)
{
	struct vsu_le32 le = vsu_le32_make(v);

	return vq_cursor_write_obj(cursor, &le);
}

VSU_NODISCARD
static inline bool vq_cursor_write_le64(struct vq_cursor *cursor, uint64_t v)
{
	struct vsu_le64 le = vsu_le64_make(v);

	return vq_cursor_write_obj(cursor, &le);
}

VSU_END_DECLS

#endif

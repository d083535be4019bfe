/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cursors: how devices touch chains, whatever their pieces are.
 *
 * A reader walks the readable pieces, a writer the writable ones. Both count
 * what they did. A writer marks what it stored in dirty bitmaps and logs.
 *
 * Threads: confined, like the queue. One without a queue (q is NULL) may be used
 * on any thread from pop to push: it marks nothing, and vq_chain_written() is told
 * of what was stored before the push.
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

/* Frozen; members private. */
struct vq_cursor {
	struct vq *q;
	const struct vq_chain *chain;
	const struct iovec *iov;	/* current piece */
	uint32_t niov;			/* pieces left, with the current one */
	uint32_t piece_off;		/* into the current piece */
	uint32_t done, left;		/* bytes */
};

/*
 * Two are compiled where they are called; the library has them as well, for
 * programs that were built before or are not optimised.
 */
#ifndef VQ_CURSOR_INLINE
#define VQ_CURSOR_INLINE extern inline __attribute__((__gnu_inline__))
#endif

/* A cursor over a chain that was popped. */
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

/* Copies up to len bytes out and moves on; returns how many. */
VQ_API uint32_t vq_cursor_read(struct vq_cursor *cursor, void *buf,
			       uint32_t len);

/* All of len bytes or nothing (false, not moved). */
VQ_API bool vq_cursor_read_exact(struct vq_cursor *cursor, void *buf,
				 uint32_t len) VSU_NODISCARD;

/* As vq_cursor_read_exact(), without moving. */
VQ_API bool vq_cursor_peek(const struct vq_cursor *cursor, void *buf,
			   uint32_t len) VSU_NODISCARD;

/* Copies up to len bytes in and moves on; returns how many. */
VQ_API uint32_t vq_cursor_write(struct vq_cursor *cursor, const void *buf,
				uint32_t len);

/* Stores up to len zero bytes and moves on; returns how many. */
VQ_API uint32_t vq_cursor_zero(struct vq_cursor *cursor, uint32_t len);

/*
 * Copies up to len bytes from a reader into a writer, of the same chain or of
 * another, and moves both on; returns how many: len, or fewer where one of
 * them ends. A guest may let the pieces overlap: the result is then some mix of
 * its own bytes.
 */
VQ_API uint32_t vq_cursor_copy(struct vq_cursor *to, struct vq_cursor *from,
			       uint32_t len);

/* Moves on without touching; returns how far. */
VQ_API uint32_t vq_cursor_skip(struct vq_cursor *cursor, uint32_t len);

/*
 * Cuts the last len bytes off into *tail (the status byte at the end, say).
 * False when there are fewer; both untouched then.
 */
VQ_API bool vq_cursor_split_tail(struct vq_cursor *cursor, uint32_t len,
				 struct vq_cursor *tail) VSU_NODISCARD;

/*
 * The next len bytes (or what is left) as host pieces, and moves on; for
 * zero-copy transfer. Returns the number of pieces, at most max; *bytes is
 * what they cover. vq_chain_written() tells the queue how much was stored.
 */
VQ_API int vq_cursor_iov(struct vq_cursor *cursor, uint32_t len,
			 struct iovec *iov, int max, uint32_t *bytes)
	VSU_NODISCARD;

/*
 * Up to len bytes between the pieces and a descriptor, by one system call: to
 * it from a reader, from it into a writer, which marks them. off is a position
 * in the file, or -1 for a stream. Moves on by what was transferred and
 * returns that, which may be less (0: nothing is left, or end of file), or
 * the negative errno of the call.
 */
VQ_API ssize_t vq_cursor_to_fd(struct vq_cursor *cursor, int fd, int64_t off,
			       uint32_t len) VSU_NODISCARD;
VQ_API ssize_t vq_cursor_from_fd(struct vq_cursor *cursor, int fd, int64_t off,
				 uint32_t len) VSU_NODISCARD;

/* All of len bytes or nothing (false, not moved). */
VSU_NODISCARD
static inline bool vq_cursor_write_exact(struct vq_cursor *cursor,
					 const void *buf, uint32_t len)
{
	return len <= cursor->left &&
	       vq_cursor_write(cursor, buf, len) == len;
}

/*
 * Whole objects: headers, ranges and what else VIRTIO defines as a struct of
 * struct vsu_le32 and the like. obj is a pointer to one; all of it or nothing.
 */
#define vq_cursor_read_obj(cursor, obj) \
	vq_cursor_read_exact(cursor, obj, (uint32_t)sizeof(*(obj)))
#define vq_cursor_peek_obj(cursor, obj) \
	vq_cursor_peek(cursor, obj, (uint32_t)sizeof(*(obj)))
#define vq_cursor_write_obj(cursor, obj) \
	vq_cursor_write_exact(cursor, obj, (uint32_t)sizeof(*(obj)))

/* Single numbers, little-endian in the chain. *out is written on success. */
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

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Consecutive little-endian numbers and bytes without padding: the contents of files and
 * streams.
 *
 *   writer   appends to memory up to a limit; after a failure further calls have no
 *            effect, and error has the first one
 *   reader   the bytes are untrusted: reading beyond the end, and all that follows, yields
 *            zeros or NULL and sets truncated
 *
 * Threads: confined.
 */
#ifndef VMM_SYS_UTIL_FIELDS_H
#define VMM_SYS_UTIL_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* The caller sets max, and zeros the rest. Fixed layout. */
struct vsu_fields_writer {
	unsigned char *bytes;	/* for free(), also after a failure */
	size_t len, room;	/* bytes that are used, and allocated */
	size_t max;		/* limit of len */
	int error;		/* 0; -ENOMEM; -EFBIG: more than max; or set by the caller */
};

/* Appends len bytes. */
VSU_API void vsu_fields_put(struct vsu_fields_writer *w, const void *bytes, size_t len);
/* The len lowest bytes of value; len is not more than 8. */
VSU_API void vsu_fields_put_le(struct vsu_fields_writer *w, uint64_t value, size_t len);

/* The caller sets at and left, and zeros the rest. Fixed layout. */
struct vsu_fields_reader {
	const unsigned char *at;
	size_t left;
	bool truncated;		/* a read exceeded the end; all later ones fail */
};

/* The next len bytes in place; NULL: fewer remain. */
VSU_API const unsigned char *vsu_fields_view(struct vsu_fields_reader *r, size_t len);
/* Copies the next len bytes; all are 0 if fewer remain. */
VSU_API void vsu_fields_get(struct vsu_fields_reader *r, void *bytes, size_t len);
/* A number of len bytes, not more than 8. */
VSU_API uint64_t vsu_fields_get_le(struct vsu_fields_reader *r, size_t len);

VSU_END_DECLS

#endif

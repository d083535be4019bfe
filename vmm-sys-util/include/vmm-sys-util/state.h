/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A format of saved state: a header, then sections, each with name, version, instance,
 * length and checksum, and an empty section "end". docs/state-format.md describes it
 * and the sections of a machine.
 *
 *   kinds    the sections that a program knows: a table up to a row without a name
 *   writer   appends to memory; after a failure further calls have no effect, and
 *            vsu_state_finish() returns the error
 *   reader   the bytes are untrusted: vsu_state_check() checks all of them before
 *            any is used
 *   fields   numbers (little-endian) and bytes of one section; reading beyond its
 *            end yields 0, which vsu_state_fields_end() reports
 *
 * Threads: confined.
 */
#ifndef VMM_SYS_UTIL_STATE_H
#define VMM_SYS_UTIL_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/fields.h>

VSU_BEGIN_DECLS

#define VSU_STATE_NAME 16u	/* bytes of a section's name */
#define VSU_STATE_HEADER 40u	/* bytes of a section in front of its content */
#define VSU_STATE_LENGTH_AT 32u	/* its length in that header */
#define VSU_STATE_MAX (UINT64_C(1) << 30) /* bytes of a state */

struct vsu_state_kind {
	const char *name;
	uint32_t version;	/* the one that is written, and the last that is read */
	bool optional;		/* a reader that does not know it may skip it */
};

/* Zeroed before the first use. Fixed layout. */
struct vsu_state_writer {
	struct vsu_fields_writer out;
	size_t section;		/* begin of the open section */
	const struct vsu_state_kind *kinds;
};

/* kinds is borrowed until the end, or NULL. */
VSU_API void vsu_state_begin(struct vsu_state_writer *w, const struct vsu_state_kind *kinds);
/*
 * Begins a section, also without vsu_state_begin() before it: a stream has no header. A
 * name that is not in w->kinds has version 1 and is not optional. A name of more than
 * VSU_STATE_NAME bytes sets w->out.error to -EINVAL.
 */
VSU_API void vsu_state_section(struct vsu_state_writer *w, const char *name,
			       uint32_t instance);
static inline void vsu_state_put(struct vsu_state_writer *w, const void *bytes, size_t len)
{
	vsu_fields_put(&w->out, bytes, len);
}

static inline void vsu_state_put_u32(struct vsu_state_writer *w, uint32_t value)
{
	vsu_fields_put_le(&w->out, value, 4);
}

static inline void vsu_state_put_u64(struct vsu_state_writer *w, uint64_t value)
{
	vsu_fields_put_le(&w->out, value, 8);
}

VSU_API void vsu_state_section_end(struct vsu_state_writer *w);
/* -ENOMEM; -EFBIG: more than VSU_STATE_MAX; -EINVAL: a name was too long. */
VSU_API int vsu_state_finish(struct vsu_state_writer *w) VSU_NODISCARD;

struct vsu_state {
	const unsigned char *bytes;
	size_t len;
};

/*
 * -EBADMSG: not a state, or truncated or damaged; -EOPNOTSUPP: written by a
 * later version, or, unless kinds is NULL, a section that the reader has to know.
 */
VSU_API int vsu_state_check(const struct vsu_state *state, const struct vsu_state_kind *kinds,
			    struct vsu_error *err) VSU_NODISCARD;

/* One section, for readers of streams of them. */
struct vsu_state_section {
	char name[VSU_STATE_NAME + 1];
	uint32_t version, instance;
	bool required;
	const unsigned char *bytes;
	size_t len;
};

/* Length of the content behind a header from an untrusted source. */
static inline uint64_t vsu_state_length(const unsigned char *header)
{
	return vsu_le_load(header + VSU_STATE_LENGTH_AT, 8);
}

/*
 * Reads the section at byte *at, and advances *at to its end. -EBADMSG: an incomplete
 * or damaged section, or *at is beyond the end.
 */
VSU_API int vsu_state_next(const struct vsu_state *state, size_t *at,
			   struct vsu_state_section *s, struct vsu_error *err) VSU_NODISCARD;

struct vsu_state_fields {
	const char *name;	/* the section's name, for messages */
	uint32_t instance;
	struct vsu_fields_reader in;
};

/* The section of a checked state, whose sums are not computed again; -EBADMSG: absent. */
VSU_API int vsu_state_find(const struct vsu_state *state, const char *name,
			   uint32_t instance, struct vsu_state_fields *fields,
			   struct vsu_error *err) VSU_NODISCARD;

static inline uint32_t vsu_state_get_u32(struct vsu_state_fields *f)
{
	return (uint32_t)vsu_fields_get_le(&f->in, 4);
}

static inline uint64_t vsu_state_get_u64(struct vsu_state_fields *f)
{
	return vsu_fields_get_le(&f->in, 8);
}

/* All of them, or zeros. */
static inline void vsu_state_get(struct vsu_state_fields *f, void *bytes, size_t len)
{
	vsu_fields_get(&f->in, bytes, len);
}

/* The next len bytes, or NULL. */
static inline const unsigned char *vsu_state_get_bytes(struct vsu_state_fields *f, size_t len)
{
	return vsu_fields_view(&f->in, len);
}

/* Returns 0 if all fields were present and no bytes remain, else -EBADMSG. */
VSU_API int vsu_state_fields_end(const struct vsu_state_fields *f,
				 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The format of a saved machine's state: a header, then sections, each with name,
 * version, instance, length and checksum, and an empty section "end".
 * docs/state-format.md describes it.
 *
 *   writer   appends to memory; after a failure further calls have no effect, and
 *            varch_state_finish() returns the error
 *   reader   the bytes are untrusted: varch_state_check() checks all of them before
 *            any is used
 *   fields   numbers (little-endian) and bytes of one section; reading beyond its
 *            end yields 0, which varch_state_fields_end() reports
 *
 * Threads: confined.
 */
#ifndef VARCH_STATE_SECTIONS_H
#define VARCH_STATE_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/fields.h>

VSU_BEGIN_DECLS

#define VARCH_STATE_NAME 16u	/* bytes of a section's name */
#define VARCH_STATE_HEADER 40u	/* bytes of a section in front of its content */
#define VARCH_STATE_LENGTH_AT 32u	/* its length in that header */
#define VARCH_STATE_MAX (UINT64_C(1) << 30) /* bytes of a state */

struct varch_state_writer {
	struct vsu_fields_writer out;
	size_t section;		/* begin of the open section */
};

/* w must be zeroed. */
VARCH_API void varch_state_begin(struct varch_state_writer *w);
/*
 * Begins a section. A section with an unknown name, such as those of streams, has version 1. A name of more
 * than VARCH_STATE_NAME bytes sets w->out.error to -EINVAL.
 */
VARCH_API void varch_state_section(struct varch_state_writer *w, const char *name,
		       uint32_t instance);
static inline void varch_state_put(struct varch_state_writer *w, const void *bytes, size_t len)
{
	vsu_fields_put(&w->out, bytes, len);
}

static inline void varch_state_put_u32(struct varch_state_writer *w, uint32_t value)
{
	vsu_fields_put_le(&w->out, value, 4);
}

static inline void varch_state_put_u64(struct varch_state_writer *w, uint64_t value)
{
	vsu_fields_put_le(&w->out, value, 8);
}

VARCH_API void varch_state_section_end(struct varch_state_writer *w);
/* -ENOMEM; -EFBIG: more than VARCH_STATE_MAX; -EINVAL: a name was too long. */
VARCH_API int varch_state_finish(struct varch_state_writer *w) VSU_NODISCARD;

struct varch_state {
	const unsigned char *bytes;
	size_t len;
};

/*
 * -EBADMSG: not a state, or truncated or damaged; -EOPNOTSUPP: written by a
 * later version.
 */
VARCH_API int varch_state_check(const struct varch_state *state, struct vsu_error *err) VSU_NODISCARD;

/* One section, for readers of streams of them. */
struct varch_state_section {
	char name[VARCH_STATE_NAME + 1];
	uint32_t version, instance;
	bool required;
	const unsigned char *bytes;
	size_t len;
};

/* Length of the content behind a header from an untrusted source. */
static inline uint64_t varch_state_length(const unsigned char *header)
{
	return vsu_le_load(header + VARCH_STATE_LENGTH_AT, 8);
}

/*
 * Reads the section at byte *at, and advances *at to its end. -EBADMSG: an incomplete
 * or damaged section, or *at is beyond the end.
 */
VARCH_API int varch_state_next(const struct varch_state *state, size_t *at,
		   struct varch_state_section *s, struct vsu_error *err) VSU_NODISCARD;

struct varch_state_fields {
	const char *name;	/* the section's name, for messages */
	uint32_t instance;
	struct vsu_fields_reader in;
};

/* The section of a checked state, whose sums are not computed again; -EBADMSG: absent. */
VARCH_API int varch_state_find(const struct varch_state *state, const char *name,
		   uint32_t instance, struct varch_state_fields *fields,
		   struct vsu_error *err) VSU_NODISCARD;

static inline uint32_t varch_state_get_u32(struct varch_state_fields *f)
{
	return (uint32_t)vsu_fields_get_le(&f->in, 4);
}

static inline uint64_t varch_state_get_u64(struct varch_state_fields *f)
{
	return vsu_fields_get_le(&f->in, 8);
}

/* All of them, or zeros. */
static inline void varch_state_get(struct varch_state_fields *f, void *bytes, size_t len)
{
	vsu_fields_get(&f->in, bytes, len);
}

/* The next len bytes, or NULL. */
static inline const unsigned char *varch_state_get_bytes(struct varch_state_fields *f, size_t len)
{
	return vsu_fields_view(&f->in, len);
}

/* Returns 0 if all fields were present and no bytes remain, else -EBADMSG. */
VARCH_API int varch_state_fields_end(const struct varch_state_fields *f,
			 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif

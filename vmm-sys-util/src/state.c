/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes and reads the sections of a saved state. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/checksum.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/state.h>

#define MAGIC "CVMMSTAT"
/* Several for each CPU, device and disk; each is read once for each search. */
#define MAX_SECTIONS 16384u
#define FORMAT_VERSION 1u
#define FILE_HEADER 16u		/* magic, version, 0 */
/* of a section: name, version, instance, flags, checksum, length */
#define HEADER VSU_STATE_HEADER
#define AT_VERSION 16u
#define AT_INSTANCE 20u
#define AT_FLAGS 24u
#define AT_SUM 28u
#define AT_LENGTH VSU_STATE_LENGTH_AT
#define REQUIRED 1u		/* a reader that does not know it refuses the state */

/* The section's row, or NULL. */
static const struct vsu_state_kind *find_kind(const struct vsu_state_kind *kinds, const char *name)
{
	for (; kinds && kinds->name; kinds++)
		if (!strcmp(kinds->name, name))
			return kinds;
	return NULL;
}

/*
 * Checksum of a section with its header; the checksum in the header counts as
 * 0.
 */
static uint32_t section_sum(const unsigned char *section, size_t len)
{
	static const unsigned char zeros[4];
	uint32_t sum = vsu_checksum_add(UINT32_MAX, section, AT_SUM);

	sum = vsu_checksum_add(sum, zeros, sizeof(zeros));
	return ~vsu_checksum_add(sum, section + AT_LENGTH, HEADER - AT_LENGTH + len);
}

/* ------------------------------------------------------------------- writer */

void vsu_state_begin(struct vsu_state_writer *w, const struct vsu_state_kind *kinds)
{
	w->kinds = kinds;
	w->out.max = VSU_STATE_MAX;
	vsu_state_put(w, MAGIC, 8);
	vsu_state_put_u32(w, FORMAT_VERSION);
	vsu_state_put_u32(w, 0);
}

void vsu_state_section(struct vsu_state_writer *w, const char *name, uint32_t instance)
{
	const struct vsu_state_kind *kind = find_kind(w->kinds, name);
	const size_t len = strlen(name);
	unsigned char header[HEADER] = { 0 };

	if (len > VSU_STATE_NAME) {
		w->out.error = w->out.error ? w->out.error : -EINVAL;
		return;
	}
	memcpy(header, name, len);
	vsu_le_store(header + AT_VERSION, kind ? kind->version : 1, 4);
	vsu_le_store(header + AT_INSTANCE, instance, 4);
	vsu_le_store(header + AT_FLAGS, kind && kind->optional ? 0 : REQUIRED, 4);
	w->out.max = VSU_STATE_MAX;
	w->section = w->out.len;
	vsu_state_put(w, header, sizeof(header));
}

void vsu_state_section_end(struct vsu_state_writer *w)
{
	unsigned char *at;
	size_t len;

	if (w->out.error)
		return;
	at = w->out.bytes + w->section;
	len = w->out.len - w->section - HEADER;
	vsu_le_store(at + AT_LENGTH, len, 8);
	vsu_le_store(at + AT_SUM, section_sum(at, len), 4);
}

int vsu_state_finish(struct vsu_state_writer *w)
{
	vsu_state_section(w, "end", 0);
	vsu_state_section_end(w);
	return w->out.error;
}

/* ------------------------------------------------------------------- reader */

/* As vsu_state_next(), without the checksum. */
static int read_section(const struct vsu_state *state, size_t *at,
			struct vsu_state_section *s, struct vsu_error *err)
{
	const unsigned char *header;
	uint64_t len;

	if (*at > state->len || state->len - *at < HEADER)
		return vsu_error_set(err, -EBADMSG,
				     "it ends at byte %zu, without a last section",
				     state->len);
	header = state->bytes + *at;
	memcpy(s->name, header, VSU_STATE_NAME);
	s->name[VSU_STATE_NAME] = '\0';
	s->version = (uint32_t)vsu_le_load(header + AT_VERSION, 4);
	s->instance = (uint32_t)vsu_le_load(header + AT_INSTANCE, 4);
	s->required = vsu_le_load(header + AT_FLAGS, 4) & REQUIRED;
	len = vsu_state_length(header);
	if (len > state->len - *at - HEADER)
		return vsu_error_set(err, -EBADMSG,
				     "the section at byte %zu is longer than the file",
				     *at);
	s->bytes = header + HEADER;
	s->len = (size_t)len;
	*at += HEADER + s->len;
	return 0;
}

int vsu_state_next(const struct vsu_state *state, size_t *at, struct vsu_state_section *s,
		   struct vsu_error *err)
{
	const size_t begin = *at;
	const unsigned char *header;
	int rc = read_section(state, at, s, err);

	if (rc < 0)
		return rc;
	header = state->bytes + begin;
	if (section_sum(header, s->len) == vsu_le_load(header + AT_SUM, 4))
		return 0;
	*at = begin;
	return vsu_error_set(err, -EBADMSG, "the section at byte %zu has a wrong checksum",
			     begin);
}

static int check_kind(const struct vsu_state_section *s, const struct vsu_state_kind *kinds,
		      struct vsu_error *err)
{
	const struct vsu_state_kind *kind = find_kind(kinds, s->name);

	if (!kind && kinds && s->required)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "it has an unknown section '%s'",
				     s->name);
	if (kind && s->version > kind->version)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "section '%s' has version %u; supported is %u",
				     s->name, s->version, kind->version);
	return 0;
}

static int check_header(const struct vsu_state *state, struct vsu_error *err)
{
	if (state->len < FILE_HEADER || memcmp(state->bytes, MAGIC, 8) != 0)
		return vsu_error_set(err, -EBADMSG,
				     "this is not the state of a machine");
	if (vsu_le_load(state->bytes + 8, 4) != FORMAT_VERSION)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "its format has version %u; supported is %u",
				     (unsigned int)vsu_le_load(state->bytes + 8, 4),
				     FORMAT_VERSION);
	return 0;
}

int vsu_state_check(const struct vsu_state *state, const struct vsu_state_kind *kinds,
		    struct vsu_error *err)
{
	size_t at = FILE_HEADER;
	struct vsu_state_section s;
	unsigned int n = 0;
	bool last;
	int rc = check_header(state, err);

	do {
		if (!rc && n++ == MAX_SECTIONS)
			rc = vsu_error_set(err, -EBADMSG, "it has more than %u sections", MAX_SECTIONS);
		if (!rc)
			rc = vsu_state_next(state, &at, &s, err);
		last = !rc && !strcmp(s.name, "end");
		if (!rc && !last)
			rc = check_kind(&s, kinds, err);
	} while (!rc && !last);
	if (!rc && at != state->len)
		rc = vsu_error_set(err, -EBADMSG, "bytes follow its last section");
	return rc;
}

int vsu_state_find(const struct vsu_state *state, const char *name, uint32_t instance,
		   struct vsu_state_fields *fields, struct vsu_error *err)
{
	size_t at = FILE_HEADER;
	struct vsu_state_section s;

	do {
		if (read_section(state, &at, &s, err) < 0)
			return -EBADMSG;
		if (!strcmp(s.name, name) && s.instance == instance) {
			*fields = (struct vsu_state_fields){
				.name = name, .instance = instance,
				.in = { .at = s.bytes, .left = s.len },
			};
			return 0;
		}
	} while (strcmp(s.name, "end") != 0);
	return vsu_error_set(err, -EBADMSG, "section '%s' %u is missing", name,
			     instance);
}

int vsu_state_fields_end(const struct vsu_state_fields *f, struct vsu_error *err)
{
	if (!f->in.truncated && !f->in.left)
		return 0;
	return vsu_error_set(err, -EBADMSG, "section '%s' %u is %s", f->name,
			     f->instance, f->in.truncated ? "too short" : "too long");
}

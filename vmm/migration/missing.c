/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sections "missing". */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "migration/missing.h"

#define BITS 64u
#define MAX_WORDS (VMM_MISSING_BITS / sizeof(uint64_t))

static bool granule_has(const struct vmm_page_set *set, uint64_t gpa, uint64_t len)
{
	uint64_t at;

	for (at = 0; at < len; at += VMM_SET_PAGE)
		if (vmm_page_set_has(set, gpa + at))
			return true;
	return false;
}

void vmm_missing_round(struct vmm_page_set *set, uint64_t granule)
{
	const struct vmm_page_span *span;
	uint64_t at, len;

	if (granule <= VMM_SET_PAGE)
		return;
	for (span = set->span; span < set->span + set->n; span++) {
		for (at = 0; at < span->len; at += granule) {
			len = granule < span->len - at ? granule : span->len - at;
			if (granule_has(set, span->gpa + at, len))
				vmm_page_set_add(set, span->gpa + at, len);
		}
	}
}

/* --------------------------------------------------------------------- source */

static int send_words(struct vmm_stream *s, uint64_t gpa, const uint64_t *words,
		      uint64_t n, struct vsu_error *err)
{
	uint64_t i;

	vmm_stream_begin(s, "missing");
	vsu_state_put_u64(&s->w, gpa);
	for (i = 0; i < n; i++)
		vsu_state_put_u64(&s->w, words[i]);
	return vmm_stream_send(s, err);
}

/* Words of a span from *at on, without those of 0 at either end. Returns their number. */
static uint64_t next_words(const struct vmm_page_span *span, uint64_t *at)
{
	const uint64_t end = (span->npages - 1) / BITS + 1;
	uint64_t n = 0, i;

	while (*at < end && !span->words[*at])
		++*at;
	for (i = 0; i < MAX_WORDS && *at + i < end; i++)
		if (span->words[*at + i])
			n = i + 1;
	return n;
}

static int send_span(struct vmm_stream *s, const struct vmm_page_span *span,
		     struct vsu_error *err)
{
	uint64_t at = 0, n;
	int rc = 0;

	while (!rc && (n = next_words(span, &at)) > 0) {
		rc = send_words(s, span->gpa + at * BITS * VMM_SET_PAGE,
				span->words + at, n, err);
		at += n;
	}
	return rc;
}

int vmm_missing_send(struct vmm_stream *s, const struct vmm_page_set *set,
		     struct vsu_error *err)
{
	unsigned int i;
	int rc = set->npages ? 0 : send_words(s, 0, NULL, 0, err);

	for (i = 0; !rc && i < set->n; i++)
		rc = send_span(s, &set->span[i], err);
	return rc;
}

/* ---------------------------------------------------------------- destination */

static int add_word(struct vmm_page_set *set, uint64_t gpa, uint64_t word,
		    struct vsu_error *err)
{
	unsigned int bit;
	uint64_t at;

	for (bit = 0; word; bit++, word >>= 1) {
		at = gpa + bit * VMM_SET_PAGE;
		if (!(word & 1))
			continue;
		if (!vmm_page_set_find(set, at))
			return vsu_error_set(err, -EBADMSG, "missing page %#" PRIx64 " is not in guest memory",
					     at);
		vmm_page_set_add(set, at, 1);
	}
	return 0;
}

int vmm_missing_receive(struct vmm_page_set *set, const struct vsu_state_section *section,
			struct vsu_error *err)
{
	struct vsu_state_fields f;
	uint64_t gpa;
	int rc = 0;

	vmm_stream_fields(section, &f);
	gpa = vsu_state_get_u64(&f);
	if (gpa % VMM_SET_PAGE)
		return vsu_error_set(err, -EBADMSG, "the list of missing pages has the address %#" PRIx64 ", which is not the start of a page",
				     gpa);
	for (; !rc && f.in.left && !f.in.truncated; gpa += BITS * VMM_SET_PAGE)
		rc = add_word(set, gpa, vsu_state_get_u64(&f), err);
	return rc ? rc : vsu_state_fields_end(&f, err);
}

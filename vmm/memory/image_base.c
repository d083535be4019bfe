/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The pages that the guest has changed, and those that are in another saved machine. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/checksum.h>

#include "memory/image_base.h"

#define BASE "base"
#define CHANGED "changed"
#define MIN_PAGE UINT64_C(4096)
#define MAX_PAGE UINT64_C(65536)

struct vmm_base_id vmm_base_id_of(const struct vsu_state *state)
{
	return (struct vmm_base_id){ state->len,
				     ~vsu_checksum_add(UINT32_MAX, state->bytes, state->len) };
}

bool vmm_base_id_is(const struct vmm_base_id *a, const struct vmm_base_id *b)
{
	return a->len == b->len && a->sum == b->sum;
}

const struct vmm_base_part *vmm_image_base_find(const struct vmm_image_base *base, uint64_t gpa,
						uint64_t len)
{
	unsigned int i;

	for (i = 0; i < base->n; i++)
		if (base->parts[i].gpa == gpa && base->parts[i].len == len)
			return &base->parts[i];
	return NULL;
}

static int get_folder(struct vmm_image_base *base, struct vsu_state_fields *f,
		      struct vsu_error *err)
{
	const uint32_t len = vsu_state_get_u32(f);
	const unsigned char *name = len <= VMM_BASE_NAME_MAX ? vsu_state_get_bytes(f, len) : NULL;

	if (!name || memchr(name, '\0', len))
		return vsu_error_set(err, -EBADMSG, "section 'base' has no valid folder");
	base->folder = strndup((const char *)name, len);
	return base->folder ? 0 : vsu_error_set(err, -ENOMEM, "no memory for a path");
}

int vmm_image_base_get(struct vmm_image_base *base, const struct vsu_state *state,
		       struct vsu_error *err)
{
	struct vmm_base_part *part;
	struct vsu_state_fields f;
	int rc;

	*base = (struct vmm_image_base){ .folder = NULL };
	if (vsu_state_find(state, BASE, 0, &f, NULL) < 0)
		return -ENOENT;
	base->id.len = vsu_state_get_u64(&f);
	base->id.sum = vsu_state_get_u32(&f);
	rc = get_folder(base, &f, err);
	while (!rc && f.in.left && !f.in.truncated) {
		if (base->n == VMM_MAX_PIECES)
			return vsu_error_set(err, -EBADMSG, "section 'base' has more than %d parts", VMM_MAX_PIECES);
		part = &base->parts[base->n++];
		part->gpa = vsu_state_get_u64(&f);
		part->len = vsu_state_get_u64(&f);
		part->at = vsu_state_get_u64(&f);
	}
	return rc ? rc : vsu_state_fields_end(&f, err);
}

void vmm_image_base_free(struct vmm_image_base *base)
{
	free(base->folder);
	*base = (struct vmm_image_base){ .folder = NULL };
}

/* ------------------------------------------------------------------- writing */

/* A byte for the last pages, too. */
static uint64_t bytes_of(uint64_t total, uint64_t page)
{
	const uint64_t pages = total / page + !!(total % page);

	return pages / 8 + !!(pages % 8);
}

int vmm_image_changes_new(struct vmm_image_changes *c, const struct vmm_image_base *base,
			  uint64_t total)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	*c = (struct vmm_image_changes){ base, page, total, NULL };
	c->bits = calloc(1, bytes_of(total, page) + 1);
	return c->bits ? 0 : -ENOMEM;
}

void vmm_image_changes_free(struct vmm_image_changes *c)
{
	free(c->bits);
	c->bits = NULL;
}

/* Slices of the image begin at a multiple of eight pages, so no other thread has this byte. */
static void mark_changed(struct vmm_image_changes *c, uint64_t at, uint64_t len)
{
	uint64_t i;

	for (i = at / c->page; i * c->page < at + len; i++)
		c->bits[i / 8] |= (unsigned char)(1u << i % 8);
}

/*
 * Only a private page is not the file's; one that was never used is neither. A page of the file
 * that the kernel moves looks like one that is swapped out.
 */
static bool is_changed(uint64_t entry)
{
	return vmm_page_is_used(entry) && !(entry & VMM_PAGE_OF_FILE);
}

static bool is_of_base(const struct vmm_image_changes *c, const struct vmem_region *r)
{
	const struct vmem_block *block = vmem_region_block(r);

	return vmem_block_kind(block) == VMEM_KIND_FILE &&
	       !(vmem_block_flags(block) & VMEM_BLOCK_SHARED) &&
	       vmm_image_base_find(c->base, vmem_region_gpa(r), vmem_region_len(r));
}

int vmm_image_changes_next(struct vmm_image_changes *c, struct vmm_page_map *pages,
			   const struct vmem_region *r, uint64_t at, uint64_t end, uint64_t file_at,
			   uint64_t *len, bool *changed)
{
	const bool maps_base = is_of_base(c, r);
	uint64_t n = 0, entry;
	int rc = 0;

	*changed = true;
	*len = end - at;
	for (; maps_base && n < end - at; n += c->page) {
		rc = vmm_page_map_get(pages, vmem_region_hva(r) + at + n, &entry);
		if (rc < 0)
			return rc;
		if (n && is_changed(entry) != *changed)
			break;
		*changed = is_changed(entry);
		*len = n + c->page < end - at ? n + c->page : end - at;
	}
	if (*changed)
		mark_changed(c, file_at + at, *len);
	return 0;
}

void vmm_image_changes_put(const struct vmm_image_changes *c, struct vsu_state_writer *w)
{
	const struct vmm_image_base *b = c->base;
	unsigned int i;

	vsu_state_section(w, BASE, 0);
	vsu_state_put_u64(w, b->id.len);
	vsu_state_put_u32(w, b->id.sum);
	vsu_state_put_u32(w, (uint32_t)strlen(b->folder));
	vsu_state_put(w, b->folder, strlen(b->folder));
	for (i = 0; i < b->n; i++) {
		vsu_state_put_u64(w, b->parts[i].gpa);
		vsu_state_put_u64(w, b->parts[i].len);
		vsu_state_put_u64(w, b->parts[i].at);
	}
	vsu_state_section_end(w);
	vsu_state_section(w, CHANGED, 0);
	vsu_state_put_u64(w, c->page);
	vsu_state_put_u64(w, c->total);
	vsu_state_put(w, c->bits, bytes_of(c->total, c->page));
	vsu_state_section_end(w);
}

/* ------------------------------------------------------------------- reading */

int vmm_image_changed_get(struct vmm_image_changed *c, const struct vsu_state *state,
			  struct vsu_error *err)
{
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, CHANGED, 0, &f, err);

	if (rc < 0)
		return rc;
	c->page = vsu_state_get_u64(&f);
	c->total = vsu_state_get_u64(&f);
	if (f.in.truncated || c->page < MIN_PAGE || c->page > MAX_PAGE || (c->page & (c->page - 1)) ||
	    f.in.left != bytes_of(c->total, c->page))
		return vsu_error_set(err, -EBADMSG, "section 'changed' is invalid");
	c->bits = f.in.at;
	return 0;
}

static bool bit_of(const struct vmm_image_changed *c, uint64_t page)
{
	return c->bits[page / 8] >> page % 8 & 1;
}

uint64_t vmm_image_changed_run(const struct vmm_image_changed *c, uint64_t at, uint64_t end,
			       bool *changed)
{
	const uint64_t last = end < c->total ? end : c->total;
	uint64_t page = at / c->page, next;
	unsigned char same;

	*changed = bit_of(c, page);
	same = *changed ? 0xff : 0;
	while (page * c->page < last && bit_of(c, page) == *changed)
		page += page % 8 == 0 && c->bits[page / 8] == same ? 8 : 1;
	next = page * c->page;
	return (next < last ? next : last) - at;
}

uint64_t vmm_image_changed_bytes(const struct vmm_image_changed *c)
{
	uint64_t at, len, n = 0;
	bool changed;

	for (at = 0; at < c->total; at += len) {
		len = vmm_image_changed_run(c, at, c->total, &changed);
		n += changed ? len : 0;
	}
	return n;
}

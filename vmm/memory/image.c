/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Describes a file as guest memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "memory/image.h"
#include "memory/pieces.h"

static void describe_regions(const struct vmm_memory *memory,
			     const struct vmem_map *map, bool plugged,
			     struct vmm_state_writer *w)
{
	const struct vmem_region *r;
	uint64_t at = 0;
	unsigned int i;

	vmm_state_section(w, plugged ? "plugged" : "memory", 0);
	for (i = 0; i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (vmm_memory_has(memory, r) != plugged) {
			vmm_state_put_u64(w, vmem_region_gpa(r));
			vmm_state_put_u64(w, vmem_region_len(r));
			vmm_state_put_u64(w, at);
		}
		at += vmem_region_len(r);
	}
	vmm_state_section_end(w);
}

static bool has_plugged(const struct vmm_memory *memory, const struct vmem_map *map)
{
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++)
		if (!vmm_memory_has(memory, vmem_map_region(map, i)))
			return true;
	return false;
}

void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vmm_state_writer *w)
{
	describe_regions(memory, map, false, w);
	if (has_plugged(memory, map))
		describe_regions(memory, map, true, w);
}

/* ------------------------------------------------------------------ continued pieces */

/* Pieces under construction. */
struct continuing {
	struct vmm_image_pieces *pieces;
	const struct vmm_memory_specs *saved;
	const char *path;
	bool shared;
	struct vmm_layout layout;	/* of the saved pieces */
	unsigned int parts_of[VMM_MAX_MEMORY];	/* parts of each saved piece */
	struct vsu_error *err;
};

static int refuse_other(const struct continuing *c, const struct vmm_image_part *part)
{
	return vsu_error_set(c->err, -EINVAL, "the state has %" PRIu64 " bytes of memory at %#" PRIx64 ", and the saved command line describes other memory",
			     part->len, part->gpa);
}

/* The addresses that the saved machine has computed from its options. */
static int place_saved(struct continuing *c)
{
	struct vmm_memory memory;
	unsigned int i;
	int rc = vmm_memory_init(&memory, c->saved, NULL, c->err);

	if (!rc)
		rc = vmm_layout_memory(memory.requests, memory.n, VMM_MAX_PHYS_BITS,
				       &c->layout, c->err);
	vmm_memory_free(&memory);
	for (i = 0; !rc && i < c->layout.n; i++)
		c->parts_of[c->layout.pieces[i].request]++;
	return rc;
}

static int put_piece(struct continuing *c, unsigned int number, const struct vmm_memory_spec *saved,
		     const struct vmm_image_part *part)
{
	const struct vmm_piece_facts facts = vmm_piece_facts_of(saved);
	struct vmm_memory_spec *to = &c->pieces->specs.list[number];

	if (number >= VMM_MAX_PIECES || to->backend)
		return vsu_error_set(c->err, -EBADMSG, "the state has more than %d pieces of memory",
				     VMM_MAX_PIECES);
	return (c->shared && !facts.rom) || facts.own ?
	       vmm_piece_own(saved, part, c->shared, to, c->err) :
	       vmm_piece_map(saved, part, to, c->err);
}

/* Part k of the memory, in the order of addresses. */
static int put_part(struct continuing *c, unsigned int k, const struct vmm_image_part *part)
{
	const struct vmm_layout_piece *piece = &c->layout.pieces[k];
	const unsigned int number = piece->offset ? c->pieces->specs.n : piece->request;

	if (k >= c->layout.n || piece->gpa != part->gpa || piece->len != part->len)
		return refuse_other(c, part);
	if (piece->offset)
		c->pieces->specs.n++;
	if (c->parts_of[piece->request] > 1)
		c->pieces->parts |= UINT64_C(1) << number;
	return put_piece(c, number, &c->saved->list[piece->request], part);
}

static int put_parts(struct continuing *c, struct vmm_state_fields *f)
{
	struct vmm_image_part part = { .path = c->path };
	unsigned int k = 0;
	int rc = 0;

	while (!rc && f->left && !f->truncated) {
		part.gpa = vmm_state_get_u64(f);
		part.len = vmm_state_get_u64(f);
		part.at = vmm_state_get_u64(f);
		rc = put_part(c, k++, &part);
	}
	if (!rc)
		rc = vmm_state_fields_end(f, c->err);
	return rc || k == c->layout.n ? rc :
	       vsu_error_set(c->err, -EINVAL, "the state has less memory than the saved command line describes");
}

int vmm_image_pieces(const struct vmm_state *state, const char *path, bool shared,
		     const struct vmm_memory_specs *saved,
		     struct vmm_image_pieces *pieces, struct vsu_error *err)
{
	struct continuing c = { .pieces = pieces, .saved = saved, .path = path,
				.shared = shared, .err = err };
	struct vmm_state_fields f;
	int rc = vmm_state_find(state, "memory", 0, &f, err);

	if (!rc)
		rc = place_saved(&c);
	pieces->specs.what = saved->what;
	pieces->specs.n = saved->n;
	return rc ? rc : put_parts(&c, &f);
}

void vmm_image_pieces_free(struct vmm_image_pieces *pieces)
{
	vmm_memory_specs_free(&pieces->specs);
}

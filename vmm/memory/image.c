/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Describes a file as guest memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "memory/image.h"
#include "memory/piece_lists.h"

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

/* ----------------------------------------------------------- lists of properties */

/* Lists under construction. */
struct listing {
	struct vmm_image_lists *lists;
	const struct vmm_memory_options *options;
	const char *path;
	bool shared;
	struct vmm_layout layout;	/* of the options */
	unsigned int parts_of[VMM_MAX_MEMORY];	/* parts of each option's memory */
	struct vsu_error *err;
};

static int refuse_other(const struct listing *l, const struct vmm_image_part *part)
{
	return vsu_error_set(l->err, -EINVAL, "the state has %" PRIu64 " bytes of memory at %#" PRIx64 ", and the saved command line describes other memory",
			     part->len, part->gpa);
}

/* The addresses that the saved machine has computed from its options. */
static int place_options(struct listing *l)
{
	struct vmm_memory memory;
	unsigned int i;
	int rc = vmm_memory_parse(&memory, l->options, l->err);

	if (!rc)
		rc = vmm_layout_memory(memory.requests, memory.n, VMM_MAX_PHYS_BITS,
				       &l->layout, l->err);
	vmm_memory_free(&memory);
	for (i = 0; !rc && i < l->layout.n; i++)
		l->parts_of[l->layout.pieces[i].request]++;
	return rc;
}

static int put_list(struct listing *l, unsigned int number, const char *list,
		    const struct vmm_image_part *part)
{
	struct vmm_image_lists *lists = l->lists;
	const bool own = (l->shared && !vmm_piece_is_rom(list)) || vmm_piece_needs_own(list);

	if (number >= VMM_MAX_PIECES || lists->text[number])
		return vsu_error_set(l->err, -EBADMSG, "the state has more than %d pieces of memory",
				     VMM_MAX_PIECES);
	return own ? vmm_piece_list_own(list, part, l->shared, &lists->text[number],
					l->err) :
		     vmm_piece_list_mapped(list, part, &lists->text[number], l->err);
}

/* Part k of the memory, in the order of addresses. */
static int put_part(struct listing *l, unsigned int k, const struct vmm_image_part *part)
{
	const struct vmm_layout_piece *piece = &l->layout.pieces[k];
	const char *list = l->options->n ? l->options->lists[piece->request] : NULL;
	const unsigned int number = piece->offset ? l->lists->n : piece->request;

	if (k >= l->layout.n || piece->gpa != part->gpa || piece->len != part->len)
		return refuse_other(l, part);
	if (piece->offset)
		l->lists->n++;
	if (l->parts_of[piece->request] > 1)
		l->lists->parts |= UINT64_C(1) << number;
	return put_list(l, number, list, part);
}

static int put_parts(struct listing *l, struct vmm_state_fields *f)
{
	struct vmm_image_part part = { .path = l->path };
	unsigned int k = 0;
	int rc = 0;

	while (!rc && f->left && !f->truncated) {
		part.gpa = vmm_state_get_u64(f);
		part.len = vmm_state_get_u64(f);
		part.at = vmm_state_get_u64(f);
		rc = put_part(l, k++, &part);
	}
	if (!rc)
		rc = vmm_state_fields_end(f, l->err);
	return rc || k == l->layout.n ? rc :
	       vsu_error_set(l->err, -EINVAL, "the state has less memory than the saved command line describes");
}

int vmm_image_lists(const struct vmm_state *state, const char *path, bool shared,
		    const struct vmm_memory_options *options,
		    struct vmm_image_lists *lists, struct vsu_error *err)
{
	struct listing l = { .lists = lists, .options = options, .path = path,
			     .shared = shared, .err = err };
	struct vmm_state_fields f;
	int rc = vmm_state_find(state, "memory", 0, &f, err);

	if (!rc)
		rc = place_options(&l);
	lists->n = options->n ? options->n : 1;
	return rc ? rc : put_parts(&l, &f);
}

void vmm_image_lists_free(struct vmm_image_lists *lists)
{
	while (lists->n > 0) {
		free(lists->text[--lists->n]);
		lists->text[lists->n] = NULL;
	}
}

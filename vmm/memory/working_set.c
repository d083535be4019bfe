/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Used parts of a memory file, by the page map of this process. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory/page_map.h"
#include "memory/working_set.h"

#define PAGE 4096u		/* of a file, which another host may have written */
#define RANGE_SIZE 16u		/* bytes in the file */
#define SECTION "working-set"

static const struct vsu_state_kind kinds[] = { { SECTION, 1, false }, { NULL, 0, false } };

static int range_append(struct vmm_working_set *set, uint64_t at, uint64_t len)
{
	struct vmm_working_range *last = set->n ? &set->ranges[set->n - 1] : NULL;
	void *more;

	set->bytes += len;
	if (last && last->at + last->len == at) {
		last->len += len;
		return 0;
	}
	if (set->n == set->room) {
		set->room = set->room ? 2 * set->room : 64;
		more = realloc(set->ranges, set->room * sizeof(*set->ranges));
		if (!more)
			return -ENOMEM;
		set->ranges = more;
	}
	set->ranges[set->n++] = (struct vmm_working_range){ at, len };
	return 0;
}

static int record_region(struct vmm_working_set *set, const struct vmem_region *r,
			 struct vmm_page_map *pages, const bool *stop)
{
	uint64_t at, entry;
	int rc = 0;

	for (at = 0; !rc && vmem_region_len(r) - at >= set->page; at += set->page) {
		if (__atomic_load_n(stop, __ATOMIC_RELAXED))
			return -ECANCELED;
		rc = vmm_page_map_get(pages, vmem_region_hva(r) + at, &entry);
		if (!rc && vmm_page_is_used(entry))
			rc = range_append(set, vmem_region_file_pos(r, at), set->page);
	}
	return rc;
}

static int by_position(const void *a, const void *b)
{
	const struct vmm_working_range *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

int vmm_working_set_record(struct vmm_working_set *set, const struct vmm_memory *memory,
			   const struct vmem_map *map, int pagemap, const bool *stop,
			   struct vsu_error *err)
{
	struct vmm_page_map pages;
	const struct vmem_region *r;
	unsigned int i;
	int rc = 0;

	vmm_page_map_init(&pages, pagemap);
	memset(set, 0, sizeof(*set));
	set->page = pages.page;
	for (i = 0; !rc && i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (vmm_memory_has(memory, r) &&
		    vmem_block_kind(vmem_region_block(r)) == VMEM_KIND_FILE)
			rc = record_region(set, r, &pages, stop);
	}
	if (set->n)
		qsort(set->ranges, set->n, sizeof(*set->ranges), by_position);
	return rc < 0 ? vsu_error_sys(err, rc, "the used pages cannot be listed") : 0;
}

int vmm_working_set_put(const struct vmm_working_set *set, struct vsu_state_writer *w,
			struct vsu_error *err)
{
	size_t i;

	vsu_state_begin(w, kinds);
	vsu_state_section(w, SECTION, 0);
	for (i = 0; i < set->n; i++) {
		vsu_state_put_u64(w, set->ranges[i].at);
		vsu_state_put_u64(w, set->ranges[i].len);
	}
	vsu_state_section_end(w);
	return vsu_state_finish(w) < 0 ? vsu_error_sys(err, w->out.error, "the working set") : 0;
}

/* end is that of the range before. */
static bool is_possible(const struct vmm_working_range *r, uint64_t end, uint64_t size)
{
	return r->len && !(r->at % PAGE) && !(r->len % PAGE) && r->at >= end &&
	       r->at <= size && r->len <= size - r->at;
}

static int get_ranges(struct vmm_working_set *set, struct vsu_state_fields *f,
		      uint64_t size)
{
	struct vmm_working_range r = { 0, 0 };
	uint64_t end = 0;
	int rc = 0;

	while (!rc && f->in.left >= RANGE_SIZE) {
		r.at = vsu_state_get_u64(f);
		r.len = vsu_state_get_u64(f);
		rc = is_possible(&r, end, size) ? range_append(set, r.at, r.len) : -EBADMSG;
		end = r.at + r.len;
	}
	return rc;
}

int vmm_working_set_get(struct vmm_working_set *set, const struct vsu_state *state,
			uint64_t size, struct vsu_error *err)
{
	struct vsu_state_fields f;
	int rc = vsu_state_check(state, kinds, err);

	memset(set, 0, sizeof(*set));
	if (!rc)
		rc = vsu_state_find(state, SECTION, 0, &f, err);
	if (rc < 0)
		return rc;
	rc = get_ranges(set, &f, size);
	if (rc < 0)
		vsu_error_set(err, rc, rc == -ENOMEM ? "no memory for a working set" :
			      "the working set has a range that is not in the saved memory");
	else
		rc = vsu_state_fields_end(&f, err);
	if (rc < 0)
		vmm_working_set_free(set);
	return rc;
}

void vmm_working_set_free(struct vmm_working_set *set)
{
	free(set->ranges);
	memset(set, 0, sizeof(*set));
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Conversion between the halves of private memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-arch/layout.h>
#include <vm-memory/kvm.h>
#include <vm-memory/map_edit.h>
#include <vmm-sys-util/checked.h>

#include "memory/private_memory.h"

/* A piece of the conversion within one region. */
struct piece {
	struct vmem_region *region;
	uint64_t off, len;
};

/* The piece at the start of a range; false: no region contains it. */
static bool first_piece(const struct vmem_map *map, uint64_t gpa, uint64_t len,
			struct piece *out)
{
	uint64_t rest;

	out->region = vmem_map_find(map, gpa);
	if (!out->region)
		return false;
	out->off = gpa - vmem_region_gpa(out->region);
	rest = vmem_region_len(out->region) - out->off;
	out->len = len < rest ? len : rest;
	return vmem_block_private_fd(vmem_region_block(out->region)) >= 0;
}

/*
 * Checks that all of it is private memory, so that the conversion is complete
 * or not done at all.
 */
static int conversion_check(const struct vmem_map *map, const struct varch_conversion *c,
			    struct vsu_error *err)
{
	struct piece piece;
	uint64_t done, end;

	if (!c->len || !vsu_is_aligned(c->gpa | c->len, VARCH_PAGE) ||
	    vsu_u64_add_overflow(c->gpa, c->len, &end))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at %#"
				     PRIx64 " are not whole pages", c->len,
				     c->gpa);
	for (done = 0; done < c->len; done += piece.len)
		if (!first_piece(map, c->gpa + done, c->len - done, &piece))
			return vsu_error_set(err, -EINVAL, "there is no memory with a private half (private=on) at %#"
				PRIx64, c->gpa + done);
	return 0;
}

int vmm_private_publish(struct vmm_private *p, const struct vmem_map *map)
{
	struct vmem_map *shared;
	struct vmem_map_edit e;
	unsigned int i;
	int rc = vmem_map_edit_init(&e, map);

	if (rc < 0)
		return rc;
	for (i = 0; rc >= 0 && i < p->ranges.n; i++)
		rc = vmem_map_edit_carve(&e, p->ranges.at[i].gpa,
					p->ranges.at[i].len);
	if (rc >= 0)
		rc = vmem_map_edit_finish(&e, &shared);
	vmem_map_edit_fini(&e);
	if (rc < 0)
		return rc;
	rc = vmem_space_publish(p->space, shared);
	vmem_map_unref(shared);
	return rc;
}

static void note_pieces(struct vmm_private *p, const struct vmem_map *map)
{
	const struct vmem_region *region;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map) && p->npieces < VARCH_MAX_PLACES; i++) {
		region = vmem_map_region(map, i);
		if (vmem_block_private_fd(vmem_region_block(region)) >= 0)
			p->pieces[p->npieces++] = (struct vmm_private_piece){
				.gpa = vmem_region_gpa(region),
				.len = vmem_region_len(region) };
	}
}

static unsigned int piece_index(const struct vmm_private *p, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < p->npieces; i++)
		if (gpa - p->pieces[i].gpa < p->pieces[i].len)
			break;
	return i;
}

const struct vmm_private_piece *vmm_private_find(const struct vmm_private *p,
						 uint64_t gpa)
{
	const unsigned int i = piece_index(p, gpa);

	return i < p->npieces ? &p->pieces[i] : NULL;
}

int vmm_private_init(struct vmm_private *p, const struct vmem_map *map,
		     struct vsu_error *err)
{
	int rc = vmem_space_new(&p->space);

	note_pieces(p, map);
	if (!rc)
		rc = vmm_private_publish(p, map);
	return rc < 0 ? vsu_error_sys(err, rc, "the map of shared memory") : 0;
}

void vmm_private_free(struct vmm_private *p)
{
	vmem_space_free(p->space);
	vmem_gpa_set_free(&p->ranges);
	vmem_gpa_set_free(&p->before);
	p->space = NULL;
}

bool vmm_private_is_quiet(const struct vmm_private *p)
{
	return vmem_space_reclaim(p->space) == 0;
}

static bool changes_pages(const struct vmm_private *p,
			  const struct varch_conversion *c)
{
	return vmem_gpa_set_count(&p->ranges, c->gpa, c->len) !=
	       (c->to_private ? c->len : 0);
}

/*
 * Another CPU may have converted the page since the fault. Without any change since
 * this CPU's last fault, KVM would repeat it forever.
 */
static int check_progress(struct vmm_private *p, unsigned int cpu,
			  const struct varch_conversion *c,
			  struct vsu_error *err)
{
	if (!c->fault || changes_pages(p, c))
		return 0;
	if (p->seen[cpu] != p->changes + 1) {
		p->seen[cpu] = p->changes + 1;
		return 0;
	}
	return vsu_error_set(err, -EPROTO, "KVM ignores the conversion of memory at %#" PRIx64 " to %s", c->gpa,
			     c->to_private ? "private" : "shared");
}

static int set_range(struct vmm_private *p, const struct varch_conversion *c,
		     struct vsu_error *err)
{
	int rc = vmem_gpa_set_copy(&p->before, &p->ranges);

	if (!rc)
		rc = vmem_gpa_set_change(&p->ranges, c->gpa, c->len,
					    c->to_private);
	if (rc == -E2BIG)
		return vsu_error_set(err, rc, "private memory has more than %u separate ranges; convert larger ones",
				     VMEM_GPA_SET_MAX);
	p->changes += !rc;
	return rc < 0 ? vsu_error_sys(err, rc, "the list of private memory") : 0;
}

static int count_failure(struct vmm_private *p, const struct varch_conversion *c,
			 int rc)
{
	const unsigned int i = piece_index(p, c->gpa);

	if (rc >= 0)
		return rc;
	p->failed++;
	if (i < p->npieces)
		p->pieces[i].failed++;
	return rc;
}

static int begin_checked(struct vmm_private *p, const struct vmem_map *map,
			 unsigned int cpu, const struct varch_conversion *c,
			 struct vsu_error *err)
{
	int rc;

	if (!changes_pages(p, c))
		return 0;
	rc = set_range(p, c, err);
	if (rc < 0)
		return rc;
	if (c->fault)
		p->seen[cpu] = p->changes + 1;
	if (!c->to_private && !p->early)
		return 0;
	rc = vmm_private_publish(p, map);
	return rc < 0 ? vsu_error_sys(err, rc, "the map of shared memory") : 1;
}

int vmm_private_begin(struct vmm_private *p, const struct vmem_map *map,
		      unsigned int cpu, const struct varch_conversion *c,
		      struct vsu_error *err)
{
	int rc = conversion_check(map, c, err);

	if (!rc)
		rc = check_progress(p, cpu, c, err);
	if (!rc)
		rc = begin_checked(p, map, cpu, c, err);
	return count_failure(p, c, rc);
}

int vmm_private_cancel(struct vmm_private *p, const struct vmem_map *map,
		       const struct varch_conversion *c)
{
	const struct vmem_gpa_set begun = p->ranges;

	p->ranges = p->before;
	p->before = begun;
	p->changes++;
	(void)count_failure(p, c, -EBUSY);
	return vmm_private_publish(p, map);
}

/*
 * vmem_kvm_convert() releases the pages of the shared half within the piece. A huge page
 * may consist of several pieces: the one that completes it releases it.
 */
static int release_shared(const struct vmm_private *p, const struct piece *piece,
			  uint64_t *released, struct vsu_error *err)
{
	struct vmem_block *block = vmem_region_block(piece->region);
	const uint64_t page = vmem_block_page_size(block);
	const uint64_t gpa = vmem_region_gpa(piece->region) + piece->off;
	const struct vmem_gpa_range *range =
		vmem_gpa_set_find(&p->ranges, gpa);
	const uint64_t at = vmem_region_offset(piece->region) + piece->off;
	uint64_t before, behind, from, end;

	if (!range)
		return 0;
	before = gpa - range->gpa < piece->off ? gpa - range->gpa : piece->off;
	behind = vmem_region_len(piece->region) - piece->off;
	if (range->gpa + range->len - gpa < behind)
		behind = range->gpa + range->len - gpa;
	from = (at - before + page - 1) & ~(page - 1);
	if (from < (at & ~(page - 1)))
		from = at & ~(page - 1);
	end = (at + piece->len + page - 1) & ~(page - 1);
	if (end > ((at + behind) & ~(page - 1)))
		end = (at + behind) & ~(page - 1);
	if (from >= end)
		return 0;
	*released += end - from;
	return page == VARCH_PAGE ? 0 :
	       vmem_block_discard(block, from, end - from, err);
}

static int piece_convert(struct vmm_private *p, int vm_fd,
			 const struct piece *piece,
			 const struct varch_conversion *c, struct vsu_error *err)
{
	const unsigned int i = piece_index(p, vmem_region_gpa(piece->region));
	int rc = vmem_kvm_convert(vm_fd, piece->region, piece->off, piece->len,
				  c->to_private, err);

	if (rc < 0 || i == p->npieces)
		return rc;
	p->pieces[i].conversions++;
	if (c->to_private)
		return release_shared(p, piece, &p->pieces[i].released, err);
	p->pieces[i].released += piece->len;
	return 0;
}

/*
 * The list of private memory, and perhaps other pieces, have changed, but not this piece:
 * codes after which the guest would continue become one that ends the machine.
 */
static int fatal_code(int rc)
{
	return rc == -EINVAL || rc == -E2BIG || rc == -EBUSY || rc == -ECANCELED || rc == -EAGAIN ?
	       -EIO : rc;
}

static int range_convert(struct vmm_private *p, int vm_fd,
			 const struct vmem_map *map,
			 const struct varch_conversion *c, struct vsu_error *err)
{
	struct piece piece = { 0 };
	uint64_t done;
	int rc = 0;

	for (done = 0; !rc && done < c->len; done += piece.len) {
		first_piece(map, c->gpa + done, c->len - done, &piece);
		rc = piece_convert(p, vm_fd, &piece, c, err);
		if (rc < 0)
			rc = fatal_code(rc);
	}
	return rc;
}

/* Devices that run get shared pages only after KVM has converted them. */
int vmm_private_finish(struct vmm_private *p, int vm_fd,
		       const struct vmem_map *map,
		       const struct varch_conversion *c, struct vsu_error *err)
{
	int rc = range_convert(p, vm_fd, map, c, err);

	if (!rc && !c->to_private && !p->early && vmm_private_publish(p, map) < 0)
		rc = vsu_error_sys(err, -ENOMEM, "the map of shared memory");
	p->conversions += !rc;
	return count_failure(p, c, rc);
}

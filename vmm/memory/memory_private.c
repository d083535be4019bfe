/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Conversion between the halves of private memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-memory/kvm.h>
#include <vmm-sys-util/checked.h>

#include "memory/layout.h"
#include "memory/memory_private.h"

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
static int conversion_check(const struct vmem_map *map, const struct vmm_conversion *c,
			    struct vsu_error *err)
{
	struct piece piece;
	uint64_t done, end;

	if (!c->len || !vsu_is_aligned(c->gpa | c->len, VMM_PAGE) ||
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

/* Without progress, a repeated fault of a CPU would repeat forever. */
static int check_progress(struct vmm_private *p, unsigned int cpu,
			  const struct vmm_conversion *c,
			  struct vsu_error *err)
{
	const struct vmm_private_fault *last = &p->last[cpu];

	if (!c->fault || !last->conversions || last->gpa != c->gpa ||
	    last->to_private != c->to_private ||
	    last->conversions != p->conversions)
		return 0;
	return vsu_error_set(err, -EPROTO, "KVM does not see that memory at %#"
			     PRIx64 " was made %s", c->gpa,
			     c->to_private ? "private" : "shared");
}

static int range_convert(int vm_fd, const struct vmem_map *map,
			 const struct vmm_conversion *c, struct vsu_error *err)
{
	struct piece piece = { 0 };
	uint64_t done;
	int rc = 0;

	for (done = 0; !rc && done < c->len; done += piece.len) {
		first_piece(map, c->gpa + done, c->len - done, &piece);
		rc = vmem_kvm_convert(vm_fd, piece.region, piece.off,
				      piece.len, c->to_private, err);
	}
	return rc;
}

int vmm_private_convert(struct vmm_private *p, int vm_fd,
			const struct vmem_map *map, unsigned int cpu,
			const struct vmm_conversion *c,
			struct vsu_error *err)
{
	int rc = conversion_check(map, c, err);

	if (!rc)
		rc = check_progress(p, cpu, c, err);
	if (!rc)
		rc = range_convert(vm_fd, map, c, err);
	if (rc < 0)
		return rc;
	p->conversions++;
	if (c->fault)
		p->last[cpu] = (struct vmm_private_fault){
			c->gpa, c->to_private, p->conversions };
	return 0;
}

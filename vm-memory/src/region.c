/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Regions: a piece of a block, a guest address, perhaps a dirty bitmap. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm-sys-util/checked.h>

#include "priv.h"

struct vmem_region {
	uint32_t refs;
	uint32_t flags;
	struct vmem_block *block;
	uint64_t offset;
	uint64_t gpa;
	uint64_t len;
	struct vmem_dirty dirty;
};

/* Replaces a length of 0 by that of the rest of the block. */
static struct vmem_region_desc with_length(const struct vmem_region_desc *desc)
{
	struct vmem_region_desc d = *desc;

	if (!d.len && d.offset < d.block->len)
		d.len = d.block->len - d.offset;
	return d;
}

static int check_desc(const struct vmem_region_desc *d, struct vsu_error *err)
{
	uint64_t last;

	if (!d->len)
		return vsu_error_set(err, -EINVAL,
				     "offset %#" PRIx64 " of a region at %#" PRIx64 " is not within a block of %#" PRIx64,
				     d->offset, d->gpa, d->block->len);
	if (vsu_u64_add_overflow(d->gpa, d->len - 1, &last))
		return vsu_error_set(err, -EINVAL, "a region of %#" PRIx64
				     " bytes at %#" PRIx64 " wraps around the end of guest addresses",
					      d->len, d->gpa);
	if (vsu_range_exceeds(d->offset, d->len, d->block->len))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at offset %#" PRIx64 " exceed a block of %#"
				     PRIx64, d->len, d->offset, d->block->len);
	if (d->flags & ~VMEM_REGION_ROM)
		return vsu_error_set(err, -EINVAL, "unknown region flags %#x",
				     d->flags);
	if (d->dirty_page_shift >= 64)
		return vsu_error_set(err, -EINVAL, "invalid size of dirty pages, 2^%u bytes",
				     d->dirty_page_shift);
	return 0;
}

/* A block that is ROM, or that this process cannot write, makes a ROM region. */
static uint32_t flags_of(const struct vmem_region_desc *d)
{
	if ((d->block->flags & VMEM_BLOCK_ROM) ||
	    !(d->block->flags & VMEM_BLOCK_WRITE))
		return d->flags | VMEM_REGION_ROM;
	return d->flags;
}

static int init_dirty(struct vmem_region *region, uint32_t page_shift)
{
	if (!page_shift)
		return 0;
	return vmem_priv_dirty_init(&region->dirty, vmem_region_hva(region),
				    region->len, page_shift);
}

int vmem_region_new(const struct vmem_region_desc *desc,
		    struct vmem_region **out, struct vsu_error *err)
{
	const struct vmem_region_desc d = with_length(desc);
	struct vmem_region *region;
	int rc = check_desc(&d, err);

	if (rc < 0)
		return rc;
	region = malloc(sizeof(*region));
	if (!region)
		return vsu_error_set(err, -ENOMEM, "no memory for a region");
	*region = (struct vmem_region){
		.refs = 1,
		.flags = flags_of(&d),
		.block = vmem_block_ref(d.block),
		.offset = d.offset,
		.gpa = d.gpa,
		.len = d.len,
	};
	rc = init_dirty(region, d.dirty_page_shift);
	if (rc < 0) {
		vmem_region_unref(region);
		return vsu_error_set(err, rc, "no memory for the dirty bitmap of %#" PRIx64 " bytes",
				     d.len);
	}
	*out = region;
	return 0;
}

struct vmem_region *vmem_region_ref(struct vmem_region *region)
{
	__atomic_fetch_add(&region->refs, 1, __ATOMIC_RELAXED);
	return region;
}

void vmem_priv_region_drop(struct vmem_region *region,
			   struct vmem_block **gone)
{
	if (__atomic_fetch_sub(&region->refs, 1, __ATOMIC_ACQ_REL) != 1)
		return;
	vmem_priv_dirty_fini(&region->dirty);
	vmem_priv_block_drop(region->block, gone);
	free(region);
}

struct vmem_region *vmem_region_unref(struct vmem_region *region)
{
	struct vmem_block *gone = NULL;

	if (region)
		vmem_priv_region_drop(region, &gone);
	vmem_priv_blocks_destroy(gone);
	return NULL;
}

struct vmem_block *vmem_region_block(const struct vmem_region *region)
{
	return region->block;
}

uint64_t vmem_region_offset(const struct vmem_region *region)
{
	return region->offset;
}

uint64_t vmem_region_gpa(const struct vmem_region *region)
{
	return region->gpa;
}

uint64_t vmem_region_len(const struct vmem_region *region)
{
	return region->len;
}

unsigned char *vmem_region_hva(const struct vmem_region *region)
{
	return region->block->hva + region->offset;
}

bool vmem_region_is_rom(const struct vmem_region *region)
{
	return region->flags & VMEM_REGION_ROM;
}

struct vmem_dirty *vmem_region_dirty(const struct vmem_region *region)
{
	/* The bitmap is the only part of a region that changes. */
	return region->dirty.words ? (struct vmem_dirty *)(uintptr_t)
				     &region->dirty : NULL;
}

uint64_t vmem_region_file_pos(const struct vmem_region *region, uint64_t off)
{
	return vmem_block_file_pos(region->block, region->offset + off);
}

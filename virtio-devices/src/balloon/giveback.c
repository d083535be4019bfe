/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Discards whole host pages within ranges named by the driver. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <virtio-devices/balloon.h>
#include <vm-memory/kvm.h>

#include "balloon/giveback.h"

/* The private guest_memfd is not mapped; its offsets equal the block's. */
static int private_punch(const struct vmem_block *block, uint64_t off,
			 uint64_t len)
{
	const int fd = vmem_block_private_fd(block);
	int rc;

	if (fd < 0)
		return 0;
	do
		rc = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)off, (off_t)len);
	while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static bool may_give(const struct virtdev_priv_giveback *g,
		     const struct vmem_region *region)
{
	return !vmem_region_is_rom(region) &&
	       (!g->may_discard || g->may_discard(g->opaque, region));
}

/* off and len lie within the region; only whole pages are discarded. */
static uint64_t region_give(const struct virtdev_priv_giveback *g,
			    const struct vmem_region *region, uint64_t off,
			    uint64_t len)
{
	struct vmem_block *block = vmem_region_block(region);
	const uint64_t page = vmem_block_page_size(block);
	const uint64_t base = (uint64_t)(uintptr_t)vmem_block_hva(block);
	const uint64_t begin = base + vmem_region_offset(region) + off;
	const uint64_t first = (begin + page - 1) & ~(page - 1);
	const uint64_t end = (begin + len) & ~(page - 1);

	if (first >= end || !may_give(g, region) ||
	    vmem_block_discard(block, first - base, end - first, NULL) < 0 ||
	    private_punch(block, first - base, end - first) < 0)
		return 0;
	return end - first;
}

static void pages_keep(struct virtdev_priv_giveback *g, uint64_t bytes)
{
	if (bytes)
		__atomic_fetch_add(&g->kept, bytes, __ATOMIC_RELAXED);
}

static uint64_t lesser_of(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Skip one page that is not memory; the next one may be. */
uint64_t virtdev_priv_give_back(struct virtdev_priv_giveback *g,
				const struct vmem_map *map, uint64_t gpa,
				uint64_t len)
{
	const struct vmem_region *region;
	uint64_t off, part, given, sum = 0;

	for (; len; gpa += part, len -= part, sum += given) {
		region = vmem_map_find(map, gpa);
		given = 0;
		part = lesser_of(len, VIRTDEV_BALLOON_PAGE);
		if (region) {
			off = gpa - vmem_region_gpa(region);
			part = lesser_of(len, vmem_region_len(region) - off);
			given = region_give(g, region, off, part);
		}
		pages_keep(g, part - given);
	}
	return sum;
}

uint64_t virtdev_priv_give_back_hva(struct virtdev_priv_giveback *g,
				    const struct vmem_map *map,
				    unsigned char *hva, uint64_t len)
{
	const struct vmem_region *region;
	uint64_t off, part, given, sum = 0;

	for (; len; hva += part, len -= part, sum += given) {
		region = vmem_map_find_hva(map, hva);
		given = 0;
		part = len;
		if (region) {
			off = (uint64_t)(hva - vmem_region_hva(region));
			part = lesser_of(len, vmem_region_len(region) - off);
			given = region_give(g, region, off, part);
		}
		pages_keep(g, part - given);
	}
	return sum;
}

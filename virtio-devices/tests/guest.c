/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest's side of a device, for tests. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>

#include "guest.h"

static struct vmem_region *make_region(uint64_t gpa, uint64_t len,
				       uint32_t flags)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vmem_fd_desc file = {
		.fd = fd,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.len = len,
	};
	struct vmem_region_desc desc = { .gpa = gpa, .len = len,
					 .flags = flags };
	struct vmem_region *region;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	close(fd);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	vmem_block_unref(desc.block);
	return region;
}

void guest_init_memory(struct guest *g)
{
	struct vmem_region *regions[] = {
		make_region(0, GUEST_HALF, 0),
		make_region(GUEST_HALF, GUEST_HALF, 0),
		make_region(GUEST_ROM, 4096, VMEM_REGION_ROM),
	};
	int i;

	memset(g, 0, sizeof(*g));
	ck_assert_int_eq(vmem_space_new(&g->space), 0);
	ck_assert_int_eq(vmem_map_from_regions(regions, 3, &g->map, NULL), 0);
	ck_assert_int_eq(vmem_space_publish(g->space, g->map), 0);
	g->half[0] = vmem_region_hva(regions[0]);
	g->half[1] = vmem_region_hva(regions[1]);
	for (i = 0; i < 3; i++)
		vmem_region_unref(regions[i]);
}

void guest_init(struct guest *g, uint64_t features, uint32_t size,
		uint32_t indirect_max, uint32_t max_chain)
{
	struct vq_driver_config dc = {
		.gpa = GUEST_RING,
		.features = features | VQ_F_VERSION_1,
		.size = size,
		.indirect_max = indirect_max,
		.indirect_gpa = GUEST_TABLES,
	};

	guest_init_memory(g);
	dc.map = g->map;
	ck_assert_int_eq(vq_driver_new(&dc, &g->driver, NULL), 0);
	g->config.features = dc.features;
	g->config.size = size;
	g->config.max_chain = max_chain;
	g->config.desc_gpa = vq_driver_desc_gpa(g->driver);
	g->config.driver_gpa = vq_driver_driver_gpa(g->driver);
	g->config.device_gpa = vq_driver_device_gpa(g->driver);
	g->config.base = features & VQ_F_RING_PACKED ? 0x80008000u : 0;
	ck_assert_int_eq(vq_new(&g->q), 0);
	ck_assert_int_eq(vq_set_space(g->q, g->space), 0);
	ck_assert_int_eq(vq_enable(g->q, &g->config, NULL), 0);
}

void guest_fini(struct guest *g)
{
	vq_free(g->q);
	vq_driver_free(g->driver);
	vmem_map_unref(g->map);
	vmem_space_reclaim(g->space);
	vmem_space_free(g->space);
}

unsigned char *guest_at(const struct guest *g, uint64_t gpa)
{
	ck_assert_uint_lt(gpa, 2 * GUEST_HALF);
	return g->half[gpa / GUEST_HALF] + gpa % GUEST_HALF;
}

void guest_put_header(unsigned char *at, uint32_t type, uint64_t sector)
{
	const struct vsu_le32 words[] = { vsu_le32_make(type), vsu_le32_make(0) };
	const struct vsu_le64 le_sector = vsu_le64_make(sector);

	memcpy(at, words, 8);
	memcpy(at + 8, &le_sector, 8);
}

/* Shared mappings, which exclude those of the allocator. */
static int count_mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096], flags[8];
	int n = 0;

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		n += sscanf(line, "%*s %7s", flags) == 1 && flags[3] == 's';
	fclose(f);
	return n;
}

struct baseline baseline_take(void)
{
	struct baseline now = { vsu_fd_count(), count_mappings() };

	return now;
}

void baseline_check(struct baseline before)
{
	struct baseline now = baseline_take();

	ck_assert_int_eq(now.fds, before.fds);
	ck_assert_int_eq(now.mappings, before.mappings);
}

bool under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "valgrind");
}

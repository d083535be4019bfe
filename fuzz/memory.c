/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Memory of a guest that is fuzzed. */
#include <config.h>

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"

#define CANARY_GPA	0x3f000u	/* never passed to the device */
#define CANARY_LEN	0x1000u

uint64_t place(struct input *in)
{
	uint32_t v = take(in, 2);

	switch (v >> 13) {
	case 5:
		return ROM_GPA + v % 4096;
	case 6:
		return HOLE_GPA + v;
	case 7:
		return UINT64_MAX - v % 1024;
	}
	return DATA_GPA + v % 0x6000;
}

struct vmem_region *memory_region(uint64_t gpa, uint64_t len, uint32_t flags)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct vmem_fd_desc file = {
		.fd = fd,
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.len = len,
	};
	struct vmem_region_desc desc = { .gpa = gpa, .len = len,
					 .flags = flags };
	struct vmem_region *r;

	CHECK(fd >= 0 && ftruncate(fd, (off_t)len) == 0);
	CHECK(vmem_block_new_fd(&file, &desc.block, NULL) == 0);
	close(fd);
	CHECK(vmem_region_new(&desc, &r, NULL) == 0);
	vmem_block_unref(desc.block);
	return r;
}

unsigned char *memory_at(const struct memory *m, uint64_t gpa)
{
	return m->half[gpa / MEMORY] + gpa % MEMORY;
}

void memory_init(struct memory *m)
{
	struct vmem_region *regions[] = {
		memory_region(0, MEMORY, 0),
		memory_region(MEMORY, MEMORY, 0),
		memory_region(ROM_GPA, 4096, VMEM_REGION_ROM),
	};
	int i;

	CHECK(vmem_space_new(&m->space) == 0);
	CHECK(vmem_map_from_regions(regions, 3, &m->map, NULL) == 0);
	CHECK(vmem_space_publish(m->space, m->map) == 0);
	m->half[0] = vmem_region_hva(regions[0]);
	m->half[1] = vmem_region_hva(regions[1]);
	for (i = 0; i < 3; i++)
		vmem_region_unref(regions[i]);
	memset(memory_at(m, CANARY_GPA), 0xc5, CANARY_LEN);
}

void memory_check(const struct memory *m)
{
	uint32_t i;

	for (i = 0; i < CANARY_LEN; i++)
		CHECK(memory_at(m, CANARY_GPA)[i] == 0xc5);
}

void memory_fini(struct memory *m)
{
	vmem_map_unref(m->map);
	vmem_space_reclaim(m->space);
	vmem_space_free(m->space);
}

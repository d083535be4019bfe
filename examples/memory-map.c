/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Guest memory from vm-memory alone: one block of 16 MiB that appears below
 * and above a hole, a map of it, and accesses that the hole stops.
 */
#include <inttypes.h>
#include <stdio.h>
#include <vm-memory/access.h>
#include <vm-memory/backend.h>
#include <vm-memory/map.h>

#define MIB (UINT64_C(1) << 20)

/* A memfd, so that a back-end in another process could map it, too. */
static int make_block(struct vmem_block **block, struct vsu_error *err)
{
	struct vmem_backend *backend;
	int rc = vmem_backend_new(&backend);

	if (rc < 0)
		return vsu_error_set(err, rc, "no memory left");
	rc = vmem_backend_parse(backend, "memory", "backend=memfd,size=16M", err);
	if (rc >= 0)
		rc = vmem_backend_alloc(backend, block, err);
	vmem_backend_free(backend);
	return rc;
}

/* Each region keeps its block, and the map its regions. */
static int make_map(struct vmem_block *block, struct vmem_map **map, struct vsu_error *err)
{
	const struct vmem_region_desc low = { .block = block, .len = 4 * MIB };
	const struct vmem_region_desc high = {
		.block = block, .offset = 4 * MIB, .gpa = 4096 * MIB, .len = 12 * MIB,
	};
	struct vmem_region *regions[2] = { NULL, NULL };
	int rc = vmem_region_new(&low, &regions[0], err);

	if (rc >= 0)
		rc = vmem_region_new(&high, &regions[1], err);
	if (rc >= 0)
		rc = vmem_map_from_regions(regions, 2, map, err);
	vmem_region_unref(regions[0]);
	vmem_region_unref(regions[1]);
	return rc;
}

static void show(const struct vmem_map *map)
{
	for (unsigned int i = 0; i < vmem_map_count(map); i++) {
		const struct vmem_region *r = vmem_map_region(map, i);

		printf("%#12" PRIx64 " %3" PRIu64 " MiB, at %#" PRIx64 " in the file\n",
		       vmem_region_gpa(r), vmem_region_len(r) / MIB,
		       vmem_region_file_pos(r, 0));
	}
}

/* A view is what every access takes; it lives as long as its map. */
static void use(const struct vmem_view *view)
{
	char text[sizeof("hello")] = "";
	uint32_t hint = 0, number = 0;

	if (vmem_write_exact(view, 0x1000, "hello", sizeof(text)) >= 0 &&
	    vmem_read_exact(view, 0x1000, text, sizeof(text)) >= 0)
		printf("at 0x1000: %s\n", text);

	/* The inline way, for code that does this often. */
	if (vmem_put_u32(view, &hint, 4096 * MIB, 42) >= 0 &&
	    vmem_get_u32(view, &hint, 4096 * MIB, &number) >= 0)
		printf("at 4 GiB: %" PRIu32 "\n", number);

	/* 6 bytes that begin 4 bytes before the hole: 4 of them are memory. */
	printf("before the hole: %zd of 6 bytes\n",
	       vmem_write(view, 4 * MIB - 4, text, sizeof(text)));
	printf("in the hole: %d\n", vmem_write_exact(view, 5 * MIB, text, 1));
}

int main(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_block *block = NULL;
	struct vmem_map *map = NULL;
	int rc = make_block(&block, &err);

	if (rc >= 0)
		rc = make_map(block, &map, &err);
	if (rc >= 0) {
		show(map);
		use(vmem_map_view(map));
	} else {
		fprintf(stderr, "memory-map: %s\n", err.msg);
	}
	vmem_map_unref(map);
	vmem_block_unref(block);
	return rc < 0;
}

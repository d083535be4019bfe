/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvm-memory, in the common part of C99 and C++11. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/access.h>
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/version.h>

int main(void)
{
	struct vmem_region_desc desc;
	struct vmem_fd_desc file;
	FILE *backing = tmpfile();
	struct vmem_region *region = NULL;
	struct vmem_block *block = NULL;
	struct vmem_map *map = NULL;
	char copy[5] = "";
	int rc;

	memset(&desc, 0, sizeof(desc));
	memset(&file, 0, sizeof(file));
	if (!backing || ftruncate(fileno(backing), 1 << 20))
		return 1;
	file.fd = fileno(backing);
	file.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED;
	file.len = 1 << 20;
	rc = vmem_block_new_fd(&file, &block, NULL);
	desc.block = block;
	desc.gpa = 0x1000;
	desc.len = 1 << 20;
	if (!rc)
		rc = vmem_region_new(&desc, &region, NULL);
	if (!rc)
		rc = vmem_map_from_regions(&region, 1, &map, NULL);
	if (!rc)
		rc = vmem_write_exact(vmem_map_view(map), 0x2000, "guest", 5);
	if (!rc)
		rc = vmem_read_exact(vmem_map_view(map), 0x2000, copy, 5);
	if (!rc)
		rc = memcmp(copy, "guest", 5);
	vmem_map_unref(map);
	vmem_region_unref(region);
	vmem_block_unref(block);
	fclose(backing);
	return rc || !strlen(vmem_version());
}

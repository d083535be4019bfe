/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A kernel file of any kind: bzImage, or an ELF file with its notes. A file
 * that is accepted was placed above the first MiB and within memory, is entered
 * inside of what was loaded, and can be handed over. A compressed file yields content or an
 * error.
 */
#include <config.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <vm-memory/access.h>
#include <vm-memory/backend.h>
#include <vm-memory/block.h>

#include "arch/x86/boot/linux/bzimage.h"
#include "arch/x86/long_mode.h"
#include "boot/elf.h"
#include "decompress/decompress.h"

#define MEMORY "8M"
#define MEMORY_END UINT64_C(0x800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* One memory for all inputs: only the loaded bytes differ. */
static struct vmem_map *make_map(void)
{
	struct vmem_region_desc d = { .len = MEMORY_END };
	struct vmem_backend *backend = NULL;
	struct vmem_region *region = NULL;
	struct vmem_block *block = NULL;
	struct vmem_map *none = NULL, *map = NULL;

	demand(!vmem_backend_new(&backend) &&
	       !vmem_backend_parse(backend, "memory", "size=" MEMORY, NULL) &&
	       !vmem_backend_alloc(backend, &block, NULL));
	vmem_backend_free(backend);
	d.block = block;
	demand(!vmem_region_new(&d, &region, NULL) && !vmem_map_new(&none) &&
	       !vmem_map_add(none, region, &map, NULL));
	vmem_map_unref(none);
	vmem_region_unref(region);
	vmem_block_unref(block);
	return map;
}

static void check_linux(const struct varch_file *kernel,
			const struct varch_loaded *loaded,
			const struct vmem_view *view)
{
	static struct varch_handover handover = { .cmdline_gpa = 0x4000 };

	demand(!varch_e820_make(view, &handover.memory, NULL));
	demand(!varch_bzimage_hand_over(kernel, loaded, &handover, view,
				      VARCH_BOOT_INFO_GPA, NULL));
}

/* Reads at most 1 MiB of the content. */
static void decompress(const uint8_t *data, size_t size)
{
	const struct varch_compressed c = { .bytes = data, .fd = -1, .size = size };
	static unsigned char piece[5000];
	struct vsu_error err = VSU_ERROR_INIT;
	struct varch_decompressor *d = NULL;
	unsigned int i;
	ssize_t n = varch_decompressor_new(&d, &c, &err);

	demand(varch_is_compressed(&c) || n < 0);
	for (i = 0; !n && i < 200; i++) {
		n = varch_decompressor_read(d, piece, sizeof(piece), &err);
		n = n == sizeof(piece) ? 0 : n;
	}
	demand(n >= 0 || err.msg[0]);
	varch_decompressor_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vmem_map *map;
	const struct varch_file kernel = { .what = "kernel", .path = "k", .bytes = data, .size = size };
	const bool bzimage = varch_bzimage_is(&kernel);
	struct vsu_error err = VSU_ERROR_INIT;
	struct varch_loaded loaded = { .entry = 0 };
	const struct vmem_view *view;
	int rc;

	decompress(data, size);
	if (!map)
		map = make_map();
	view = vmem_map_view(map);
	rc = bzimage ? varch_bzimage_load(&kernel, view, &loaded, &err) :
		       varch_elf_load(&kernel, view, &loaded, &err);
	if (rc < 0) {
		demand(err.msg[0]);
		return 0;
	}
	demand(loaded.first >= VARCH_BOOT_KERNEL_GPA);
	demand(loaded.first < loaded.end && loaded.end <= MEMORY_END);
	demand(loaded.entry >= loaded.first && loaded.entry < loaded.end);
	if (bzimage)
		check_linux(&kernel, &loaded, view);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writing the boot information of the built-in protocol. */
#include <config.h>

#include <errno.h>

#include <vm-memory/access.h>
#include <vm-memory/kvm.h>
#include <vm-memory/region.h>

#include "advise.h"
#include "boot/info.h"

static void describe_memory(const struct vmem_view *view,
			    struct cvmm_boot *boot)
{
	uint32_t i;

	for (i = 0; i < view->n && i < CVMM_BOOT_MAX_MEMORY; i++) {
		boot->memory[i].gpa = view->ranges[i].first;
		boot->memory[i].len = view->ranges[i].span + 1;
		if (!(view->ranges[i].flags & VMEM_WRITE))
			boot->memory[i].flags |= CVMM_MEMORY_ROM;
	}
	boot->nmemory = i;
}

/* Pieces that the guest can convert. Regions and pieces have the same order. */
static void mark_private(const struct vmem_map *map, struct cvmm_boot *boot)
{
	unsigned int i;

	for (i = 0; i < vmem_map_count(map) && i < CVMM_BOOT_MAX_MEMORY; i++)
		if (vmem_block_private_fd(vmem_region_block(vmem_map_region(map, i))) >= 0)
			boot->memory[i].flags = CVMM_MEMORY_PRIVATE;
}

int varch_builtin_describe(const struct varch_load *load, const struct varch_loaded *loaded,
			 struct cvmm_boot *boot, struct vsu_error *err)
{
	const struct varch_board *board = load->board;
	unsigned int i;

	if (load->on_bus && !loaded->finds_pci)
		return varch_advise(err, vsu_error_set(err, -EINVAL, "this built-in kernel expects devices at fixed addresses and supports no bus"),
				  VARCH_ADVICE_TRANSPORT);
	boot->ncpus = board->ncpus;
	boot->flags = (loaded->level0 ? CVMM_BOOT_LEVEL0 : 0) | (load->on_bus ? CVMM_BOOT_PCI : 0);
	for (i = 0; i < board->ndevices && i < CVMM_BOOT_MAX_DEVICES; i++) {
		boot->devices[i].gpa = board->devices[i].gpa;
		boot->devices[i].len = board->devices[i].len;
		boot->devices[i].irq = board->devices[i].irq;
	}
	boot->ndevices = i;
	mark_private(load->map, boot);
	return 0;
}

int varch_builtin_hand_over(struct cvmm_boot *boot, const struct vmem_view *view,
			  uint64_t gpa)
{
	boot->magic = CVMM_BOOT_MAGIC;
	boot->version = CVMM_BOOT_VERSION;
	boot->size = sizeof(*boot);
	describe_memory(view, boot);
	return vmem_write_exact(view, gpa, boot, sizeof(*boot));
}

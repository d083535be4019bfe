/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Regions of memory become a list of what a kernel may use. */
#include <config.h>

#include <errno.h>

#include "arch/x86/boot/e820.h"
#include "arch/x86/long_mode.h"

static int e820_add(struct varch_e820 *map, uint64_t gpa, uint64_t len,
		    enum varch_e820_type type, struct vsu_error *err)
{
	if (map->n == VARCH_E820_MAX)
		return vsu_error_set(err, -ENOSPC, "the guest's memory has more than %d pieces; use fewer",
			VARCH_E820_MAX);
	map->entries[map->n++] = (struct varch_e820_entry){ gpa, len, type };
	return 0;
}

/* The part of [first, end) that lies in [low, high). */
static int add_part(struct varch_e820 *map, uint64_t first, uint64_t end,
		    uint64_t low, uint64_t high, enum varch_e820_type type,
		    struct vsu_error *err)
{
	first = first < low ? low : first;
	end = end > high ? high : end;
	return first < end ? e820_add(map, first, end - first, type, err) : 0;
}

/* A PC has less RAM in the first MiB: video memory and firmware's tables follow. */
static int add_range(struct varch_e820 *map, uint64_t first, uint64_t end,
		     struct vsu_error *err)
{
	int rc = add_part(map, first, end, 0, VARCH_BOOT_LOW_END, VARCH_E820_RAM,
			  err);

	if (!rc)
		rc = add_part(map, first, end, VARCH_BOOT_ACPI_GPA,
			      VARCH_GENERATION_GPA, VARCH_E820_ACPI, err);
	if (!rc)
		rc = add_part(map, first, end, VARCH_GENERATION_GPA,
			      VARCH_BOOT_KERNEL_GPA, VARCH_E820_RESERVED, err);
	return rc ? rc : add_part(map, first, end, VARCH_BOOT_KERNEL_GPA,
				  UINT64_MAX, VARCH_E820_RAM, err);
}

int varch_e820_make(const struct vmem_view *view, struct varch_e820 *out,
		  struct vsu_error *err)
{
	const struct vmem_range *r;
	uint32_t i;
	int rc = 0;

	out->n = 0;
	for (i = 0; !rc && i < view->n; i++) {
		r = &view->ranges[i];
		if (r->flags & VMEM_WRITE)
			rc = add_range(out, r->first, r->first + r->span + 1,
				       err);
	}
	return rc;
}

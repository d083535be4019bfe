/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Places an initrd at the highest free address. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>

#include <vm-arch/layout.h>
#include <vm-memory/access.h>

#include "advise.h"
#include "boot/read.h"
#include "initrd.h"

/* The highest page-aligned start of len bytes in [first, end). */
static bool fit_below(uint64_t first, uint64_t end, uint64_t len, uint64_t *at)
{
	if (end <= first || end - first < len)
		return false;
	*at = (end - len) & ~(VARCH_PAGE - 1);
	return *at >= first;
}

/* Finds a place in one range of memory: above the kernel, or else below it. */
static bool fit_in(const struct vmem_range *r, const struct varch_loaded *kernel,
		   uint64_t len, uint64_t *at)
{
	uint64_t first = r->first, end = r->first + r->span + 1, above;

	if (!(r->flags & VMEM_WRITE))
		return false;
	if (end > VARCH_INITRD_END)
		end = VARCH_INITRD_END;
	if (kernel->initrd_end && end > kernel->initrd_end)
		end = kernel->initrd_end;
	if (first < VARCH_INITRD_FIRST)
		first = VARCH_INITRD_FIRST;
	above = kernel->end > first ? kernel->end : first;
	if (kernel->first >= end || kernel->end <= first)
		return fit_below(first, end, len, at);
	return fit_below(above, end, len, at) ||
	       fit_below(first, kernel->first, len, at);
}

int varch_initrd_load(const struct varch_file *initrd,
		    const struct vmem_view *view,
		    const struct varch_loaded *kernel, uint64_t *gpa,
		    struct vsu_error *err)
{
	bool found = false;
	uint64_t at = 0;
	uint32_t i;
	int rc;

	for (i = view->n; i-- && !found;)
		found = fit_in(&view->ranges[i], kernel, initrd->size, &at);
	if (!found)
		return varch_advise(err, vsu_error_set(err, -E2BIG, "initrd: its %" PRIu64 " bytes do not fit into the guest's memory beside the kernel", initrd->size),
				  VARCH_ADVICE_MEMORY);
	rc = varch_file_place(initrd, 0, (size_t)initrd->size, view, at, err);
	if (!rc)
		*gpa = at;
	return rc;
}

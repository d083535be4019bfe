/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Guest memory from one string: back-end, block, region and map in one call. */
#include <config.h>

#include <vm-memory/backend.h>

#include "priv.h"

static int alloc_block(const char *list, struct vmem_sigbus *sigbus,
		       struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_backend *backend;
	int rc = vmem_backend_new(&backend);

	if (rc < 0)
		return vsu_error_sys(err, rc, "memory");
	vmem_backend_set_sigbus(backend, sigbus);
	rc = vmem_backend_parse(backend, "memory", list, err);
	if (!rc)
		rc = vmem_backend_alloc(backend, out, err);
	vmem_backend_free(backend);
	return rc;
}

int vmem_map_from_properties(const char *list, uint64_t gpa,
			     struct vmem_sigbus *sigbus, struct vmem_map **out,
			     struct vsu_error *err)
{
	struct vmem_region_desc desc = { .gpa = gpa };
	struct vmem_region *region = NULL;
	int rc = alloc_block(list, sigbus, &desc.block, err);

	if (rc < 0)
		return rc;
	rc = vmem_region_new(&desc, &region, err);
	vmem_block_unref(desc.block);
	if (rc < 0)
		return rc;
	rc = vmem_map_from_regions(&region, 1, out, err);
	vmem_region_unref(region);
	return rc;
}

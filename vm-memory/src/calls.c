/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The inline functions of the headers as symbols. */
#include <config.h>

#include <vm-memory/calls.h>

uint32_t vmem_view_find_call(const struct vmem_view *view, uint64_t gpa)
{
	return vmem_view_find(view, gpa);
}

const struct vmem_range *
vmem_view_range_call(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		     uint64_t len, uint32_t access)
{
	return vmem_view_range(view, hint, gpa, len, access);
}

unsigned char *
vmem_view_translate_call(const struct vmem_view *view, uint32_t *hint,
			 uint64_t gpa, uint64_t len, uint32_t access)
{
	return vmem_view_translate(view, hint, gpa, len, access);
}

int vmem_get_call(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		  void *buf, size_t len)
{
	return vmem_get(view, hint, gpa, buf, len);
}

int vmem_put_call(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		  const void *buf, size_t len)
{
	return vmem_put(view, hint, gpa, buf, len);
}

void vmem_dirty_mark_call(struct vmem_dirty *dirty, const unsigned char *hva,
			  uint64_t len)
{
	vmem_dirty_mark(dirty, hva, len);
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exported twins of what other headers define inline only, for languages and
 * tools that call a library but cannot compile its headers. C and C++ have
 * no use for them. Each does what the function of its name without _call
 * does.
 */
#ifndef VM_MEMORY_CALLS_H
#define VM_MEMORY_CALLS_H

#include <vm-memory/access.h>
#include <vm-memory/dirty.h>
#include <vm-memory/map.h>

VSU_BEGIN_DECLS

VMEM_API uint32_t vmem_view_find_call(const struct vmem_view *view,
				      uint64_t gpa);
VMEM_API const struct vmem_range *
vmem_view_range_call(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		     uint64_t len, uint32_t access);
VMEM_API unsigned char *
vmem_view_translate_call(const struct vmem_view *view, uint32_t *hint,
			 uint64_t gpa, uint64_t len, uint32_t access);
VMEM_API int vmem_get_call(const struct vmem_view *view, uint32_t *hint,
			   uint64_t gpa, void *buf, size_t len) VSU_NODISCARD;
VMEM_API int vmem_put_call(const struct vmem_view *view, uint32_t *hint,
			   uint64_t gpa, const void *buf, size_t len)
	VSU_NODISCARD;
VMEM_API void vmem_dirty_mark_call(struct vmem_dirty *dirty,
				   const unsigned char *hva, uint64_t len);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvm-memory: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VM_MEMORY_VERSION_H
#define VM_MEMORY_VERSION_H

#include <vm-memory/attributes.h>

/* The version of these headers, for #if VMEM_VERSION_AT_LEAST(0, 2, 0). */
#define VMEM_VERSION_MAJOR 0
#define VMEM_VERSION_MINOR 1
#define VMEM_VERSION_PATCH 0
#define VMEM_VERSION_AT_LEAST(major, minor, patch) \
	(VMEM_VERSION_MAJOR > (major) || \
	 (VMEM_VERSION_MAJOR == (major) && \
	  (VMEM_VERSION_MINOR > (minor) || \
	   (VMEM_VERSION_MINOR == (minor) && VMEM_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VMEM_API const char *vmem_version(void);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvmm-sys-util: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VMM_SYS_UTIL_VERSION_H
#define VMM_SYS_UTIL_VERSION_H

#include <vmm-sys-util/attributes.h>

/* The version of these headers, for #if VSU_VERSION_AT_LEAST(0, 2, 0). */
#define VSU_VERSION_MAJOR 0
#define VSU_VERSION_MINOR 1
#define VSU_VERSION_PATCH 0
#define VSU_VERSION_AT_LEAST(major, minor, patch) \
	(VSU_VERSION_MAJOR > (major) || \
	 (VSU_VERSION_MAJOR == (major) && \
	  (VSU_VERSION_MINOR > (minor) || \
	   (VSU_VERSION_MINOR == (minor) && VSU_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VSU_API const char *vsu_version(void);

VSU_END_DECLS

#endif

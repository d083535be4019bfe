/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libcvmm: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef CVMM_VERSION_H
#define CVMM_VERSION_H

#include <cvmm/attributes.h>

/* The version of these headers, for #if CVMM_VERSION_AT_LEAST(0, 2, 0). */
#define CVMM_VERSION_MAJOR 0
#define CVMM_VERSION_MINOR 1
#define CVMM_VERSION_PATCH 0
#define CVMM_VERSION_AT_LEAST(major, minor, patch) \
	(CVMM_VERSION_MAJOR > (major) || \
	 (CVMM_VERSION_MAJOR == (major) && \
	  (CVMM_VERSION_MINOR > (minor) || \
	   (CVMM_VERSION_MINOR == (minor) && CVMM_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
CVMM_API const char *cvmm_version(void);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvm-agent: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VM_AGENT_VERSION_H
#define VM_AGENT_VERSION_H

#include <vm-agent/attributes.h>

/* The version of these headers, for #if VAGENT_VERSION_AT_LEAST(0, 2, 0). */
#define VAGENT_VERSION_MAJOR 0
#define VAGENT_VERSION_MINOR 1
#define VAGENT_VERSION_PATCH 0
#define VAGENT_VERSION_AT_LEAST(major, minor, patch) \
	(VAGENT_VERSION_MAJOR > (major) || \
	 (VAGENT_VERSION_MAJOR == (major) && \
	  (VAGENT_VERSION_MINOR > (minor) || \
	   (VAGENT_VERSION_MINOR == (minor) && VAGENT_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VAGENT_API const char *vagent_version(void);

VSU_END_DECLS

#endif

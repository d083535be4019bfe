/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvhost: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VHOST_VERSION_H
#define VHOST_VERSION_H

#include <vhost/attributes.h>

/* The version of these headers, for #if VHOST_USER_VERSION_AT_LEAST(0, 2, 0). */
#define VHOST_USER_VERSION_MAJOR 0
#define VHOST_USER_VERSION_MINOR 1
#define VHOST_USER_VERSION_PATCH 0
#define VHOST_USER_VERSION_AT_LEAST(major, minor, patch) \
	(VHOST_USER_VERSION_MAJOR > (major) || \
	 (VHOST_USER_VERSION_MAJOR == (major) && \
	  (VHOST_USER_VERSION_MINOR > (minor) || \
	   (VHOST_USER_VERSION_MINOR == (minor) && VHOST_USER_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VHOST_USER_API const char *vhost_user_version(void);

VSU_END_DECLS

#endif

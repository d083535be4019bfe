/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvirtio-devices: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VIRTIO_DEVICES_VERSION_H
#define VIRTIO_DEVICES_VERSION_H

#include <virtio-devices/attributes.h>

/* The version of these headers, for #if VIRTDEV_VERSION_AT_LEAST(0, 2, 0). */
#define VIRTDEV_VERSION_MAJOR 0
#define VIRTDEV_VERSION_MINOR 1
#define VIRTDEV_VERSION_PATCH 0
#define VIRTDEV_VERSION_AT_LEAST(major, minor, patch) \
	(VIRTDEV_VERSION_MAJOR > (major) || \
	 (VIRTDEV_VERSION_MAJOR == (major) && \
	  (VIRTDEV_VERSION_MINOR > (minor) || \
	   (VIRTDEV_VERSION_MINOR == (minor) && VIRTDEV_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VIRTDEV_API const char *virtdev_version(void);

VSU_END_DECLS

#endif

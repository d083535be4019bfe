/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of libvirtio-queue: of the headers at compile time, and of the shared
 * library at run time, which may be newer.
 *
 * Threads: any.
 */
#ifndef VIRTIO_QUEUE_VERSION_H
#define VIRTIO_QUEUE_VERSION_H

#include <virtio-queue/attributes.h>

/* The version of these headers, for #if VQ_VERSION_AT_LEAST(0, 2, 0). */
#define VQ_VERSION_MAJOR 0
#define VQ_VERSION_MINOR 1
#define VQ_VERSION_PATCH 0
#define VQ_VERSION_AT_LEAST(major, minor, patch) \
	(VQ_VERSION_MAJOR > (major) || \
	 (VQ_VERSION_MAJOR == (major) && \
	  (VQ_VERSION_MINOR > (minor) || \
	   (VQ_VERSION_MINOR == (minor) && VQ_VERSION_PATCH >= (patch)))))

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VQ_API const char *vq_version(void);

VSU_END_DECLS

#endif

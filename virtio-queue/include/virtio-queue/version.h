/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which libvirtio-queue a program runs with, which may be newer than the one it was
 * compiled against. Any thread.
 */
#ifndef VIRTIO_QUEUE_VERSION_H
#define VIRTIO_QUEUE_VERSION_H

#include <virtio-queue/attributes.h>

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VQ_API const char *vq_version(void);

VSU_END_DECLS

#endif

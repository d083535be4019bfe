/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which libvirtio-devices a program runs with, which may be newer than the one it was
 * compiled against. Any thread.
 */
#ifndef VIRTIO_DEVICES_VERSION_H
#define VIRTIO_DEVICES_VERSION_H

#include <virtio-devices/attributes.h>

VSU_BEGIN_DECLS

/* "MAJOR.MINOR.PATCH", a static string. */
VIRTDEV_API const char *virtdev_version(void);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The mark of an exported function of libvirtio-devices. */
#ifndef VIRTIO_DEVICES_ATTRIBUTES_H
#define VIRTIO_DEVICES_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define VIRTDEV_API VSU_EXPORT

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The mark of an exported function of libvirtio-queue. */
#ifndef VIRTIO_QUEUE_ATTRIBUTES_H
#define VIRTIO_QUEUE_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define VQ_API VSU_EXPORT

#endif

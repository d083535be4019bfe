/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of several feature bits, for messages. */
#ifndef VIRTIO_DEVICES_FEATURE_NAMES_H
#define VIRTIO_DEVICES_FEATURE_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* Writes "VIRTIO_BLK_F_RO, bit 3" to text, as far as its size permits; returns text. */
const char *virtdev_priv_feature_list(uint32_t id, uint64_t bits, char *text, size_t size);

#endif

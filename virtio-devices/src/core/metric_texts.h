/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Type and meaning of metrics.
 *
 * Threads: no state.
 */
#ifndef VIRTDEV_CORE_METRIC_TEXTS_H
#define VIRTDEV_CORE_METRIC_TEXTS_H

#include <virtio-devices/metrics.h>

/* By the name without a prefix, of len bytes; own, which may be NULL, precedes. NULL: none. */
const struct virtdev_metric *virtdev_priv_metric_find(const char *name, size_t len,
						      const struct virtdev_metric *own);

#endif

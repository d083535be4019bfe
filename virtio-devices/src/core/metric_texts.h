/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Type and meaning of metrics.
 *
 * Threads: no state.
 */
#ifndef VIRTDEV_CORE_METRIC_TEXTS_H
#define VIRTDEV_CORE_METRIC_TEXTS_H

#include <virtio-devices/metrics.h>

/*
 * Finds a description by a name of len bytes without prefix. Descriptions of own, which may
 * be NULL, come first. NULL: unknown.
 */
const struct virtdev_metric *virtdev_priv_metric_find(const char *name, size_t len,
						      const struct virtdev_metric *own);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The numbers of a device as text for a monitoring system: the format 0.0.4 of Prometheus.
 *
 *   PREFIX_device_STATISTIC{kind="blk"}	each statistic (virtdev_stats())
 *   PREFIX_device_latency_seconds		a histogram for each kind of request, if the
 *						device measures (latency.h)
 *   PREFIX_ring_in_flight, _max_in_flight	the depth of each ring, likewise
 *
 * The program answers the requests: an HTTP reply of the type "text/plain; version=0.0.4"
 * with this text, and numbers of its own before or after it.
 *
 * Threads: any, while the device exists.
 */
#ifndef VIRTIO_DEVICES_METRICS_H
#define VIRTIO_DEVICES_METRICS_H

#include <stddef.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>

VSU_BEGIN_DECLS

/*
 * Stores the text of len bytes, followed by a NUL, in *text, to be freed by free(). prefix
 * begins each name, such as "myvmm"; kind is the value of the label, NULL: virtdev_name().
 * Neither may contain a quotation mark, a backslash or a newline. -ENOMEM.
 */
VIRTDEV_API int virtdev_metrics(struct virtdev *dev, const char *prefix, const char *kind,
				char **text, size_t *len) VSU_NODISCARD;

VSU_END_DECLS

#endif

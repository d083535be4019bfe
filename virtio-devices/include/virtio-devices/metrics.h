/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbers as text for a monitoring system: the format 0.0.4 of Prometheus. Samples may be added
 * in any order; those of a metric follow each other in the text, in the order in which they were
 * added. Each metric has its type and meaning, if it is one of a device or the program has
 * described it; others are "untyped".
 *
 * Names follow Prometheus's rules, which "promtool check metrics" tests. A statistic that ends with
 * "_ns", "_us" or "_ms" becomes one of seconds, as in PREFIX_age_seconds. A counter ends with
 * "_total". A statistic that ends with "_total" and is not a counter ends with "_size_bytes".
 *
 *	struct virtdev_metrics m = { .prefix = "myvmm" };
 *	virtdev_metrics_add_device(&m, dev, "kind=\"blk\"");
 *	rc = virtdev_metrics_text(&m, &text, &len);
 *	virtdev_metrics_free(&m);
 *
 * A device has
 *
 *	PREFIX_device_STATISTIC		each statistic (virtdev_stats()), named as above
 *	PREFIX_device_latency_seconds	a histogram for each kind of request, if the device
 *					measures (latency.h)
 *	PREFIX_ring_in_flight, _max_in_flight	the depth of each ring, if the device measures
 *
 * The program answers the requests: an HTTP reply of the type "text/plain; version=0.0.4" with
 * this text.
 *
 * Threads: one at a time. The device may be in use by other threads, and must not be freed.
 */
#ifndef VIRTIO_DEVICES_METRICS_H
#define VIRTIO_DEVICES_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <virtio-devices/latency.h>

VSU_BEGIN_DECLS

enum virtdev_metric_type {
	VIRTDEV_METRIC_COUNTER,	/* only increases */
	VIRTDEV_METRIC_GAUGE,
};

/* A metric of the program. Fixed layout. */
struct virtdev_metric {
	const char *name;	/* without the prefix, of letters, digits and "_" */
	enum virtdev_metric_type type;
	const char *help;	/* one line without "\\" */
};

struct virtdev_sample;

/* The other members are zero at the beginning, and private. */
struct virtdev_metrics {
	const char *prefix;	/* of letters, digits and "_"; borrowed */
	const char *labels;	/* of all samples, as "machine=\"a\""; borrowed; NULL: none */
	/* the program's own; an entry without a name ends them; borrowed; NULL: none */
	const struct virtdev_metric *described;
	struct virtdev_sample *samples;
	uint32_t n, size;
	int rc;			/* -ENOMEM: samples are missing */
};

/*
 * Adds a sample of the metric "PREFIX_NAME", in which other characters than letters and digits
 * become "_". labels: "device=\"0\",kind=\"blk\"", or "". Labels and values are words without
 * blanks, and are copied. A lack of memory is reported by virtdev_metrics_text().
 */
VIRTDEV_API void virtdev_metrics_add(struct virtdev_metrics *m, const char *name,
				     const char *labels, const char *value);
VIRTDEV_API void virtdev_metrics_add_u64(struct virtdev_metrics *m, const char *name,
					 const char *labels, uint64_t value);

/* Adds all samples of a histogram in seconds. Labels are required. */
VIRTDEV_API void virtdev_metrics_add_latency(struct virtdev_metrics *m, const char *name,
					     const char *labels, const struct virtdev_histogram *h);

/* Adds all numbers of a device. Labels are required, at most 64 bytes. */
VIRTDEV_API void virtdev_metrics_add_device(struct virtdev_metrics *m, struct virtdev *dev,
					    const char *labels);

/* The text, of len bytes and a NUL, to be freed by free(). -ENOMEM. */
VIRTDEV_API int virtdev_metrics_text(struct virtdev_metrics *m, char **text, size_t *len)
	VSU_NODISCARD;

VIRTDEV_API void virtdev_metrics_free(struct virtdev_metrics *m);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Storage of measurements, and their bounds as text. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <device-kinds/latency.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

int devkind_latency_measure(struct virtdev *dev, struct virtdev_measured **out)
{
	struct virtdev_measured *queues = calloc(virtdev_get_info(dev)->nqueues,
						 sizeof(*queues));
	int rc = queues ? virtdev_measure(dev, queues) : -ENOMEM;

	if (rc < 0) {
		free(queues);
		queues = NULL;
	}
	if (rc < 0 && rc != -EOPNOTSUPP)
		return rc;
	*out = queues;
	return 0;
}

struct devkind_latency_text devkind_latency_bound(uint32_t bucket)
{
	const uint64_t ns = virtdev_latency_bound(bucket);
	struct devkind_latency_text t = { "longer" };

	if (ns == UINT64_MAX)
		return t;
	if (ns >= S)
		snprintf(t.text, sizeof(t.text), "%" PRIu64 "s", ns / S);
	else if (ns >= MS)
		snprintf(t.text, sizeof(t.text), "%" PRIu64 "ms", ns / MS);
	else
		snprintf(t.text, sizeof(t.text), "%" PRIu64 "us", ns / US);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Storage of measurements, and their numbers as text. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kinds/latency.h"

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)

int vmm_latency_measure(struct virtdev *dev, struct virtdev_measured **out)
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

struct vmm_latency_text vmm_latency_seconds(uint32_t bucket)
{
	const uint64_t us = virtdev_latency_bound(bucket) / US;
	struct vmm_latency_text t = { "+Inf" };
	int len;

	if (virtdev_latency_bound(bucket) == UINT64_MAX)
		return t;
	len = snprintf(t.text, sizeof(t.text), "%" PRIu64 ".%06" PRIu64, us / MS, us % MS);
	while (t.text[len - 1] == '0')
		t.text[--len] = '\0';
	if (t.text[len - 1] == '.')
		t.text[--len] = '\0';
	return t;
}

struct vmm_latency_text vmm_latency_bound(uint32_t bucket)
{
	const uint64_t ns = virtdev_latency_bound(bucket);
	struct vmm_latency_text t = { "longer" };

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

struct vmm_latency_text vmm_latency_sum(uint64_t ns)
{
	struct vmm_latency_text t;

	snprintf(t.text, sizeof(t.text), "%" PRIu64 ".%09" PRIu64, ns / S, ns % S);
	return t;
}

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rings of a fuzzed guest, started and stopped as a device's server does. */
#include <config.h>

#include "play.h"
#include "ring.h"

struct vq_driver *queue_begin(struct virtdev *dev, uint32_t queue,
			      struct vq *q,
			      const struct vq_driver_config *dc)
{
	struct vq_config config = {
		.features = dc->features, .size = dc->size, .index = queue,
		.max_chain = virtdev_get_info(dev)->max_chain,
		.base = vq_initial_base(dc->features),
	};
	struct vq_driver *driver;

	CHECK(vq_driver_new(dc, &driver, NULL) == 0);
	config.desc_gpa = vq_driver_desc_gpa(driver);
	config.driver_gpa = vq_driver_driver_gpa(driver);
	config.device_gpa = vq_driver_device_gpa(driver);
	CHECK(vq_enable(q, &config, NULL) == 0);
	CHECK(virtdev_queue_start(dev, queue, q, NULL) == 0);
	return driver;
}

bool queue_end(struct virtdev *dev, uint32_t queue, struct vq *q)
{
	const bool broken = vq_broken(q) != VQ_OK;

	virtdev_queue_stop(dev, queue);
	CHECK(vq_inflight(q) == 0);
	vq_disable(q);
	CHECK(vq_inflight(q) == 0);
	return broken;
}

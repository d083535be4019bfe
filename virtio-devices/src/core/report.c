/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports messages of a device to its owner. */
#include <config.h>

#include <virtio-devices/report.h>

#include "core/device_struct.h"

void virtdev_set_report(struct virtdev *dev,
			void (*report)(void *opaque, struct virtdev *dev,
				       const struct vsu_error *what),
			void *opaque)
{
	dev->report = report;
	dev->report_opaque = opaque;
}

void virtdev_report(struct virtdev *dev, const struct vsu_error *what)
{
	if (dev->report)
		dev->report(dev->report_opaque, dev, what);
}

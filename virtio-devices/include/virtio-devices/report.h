/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Words of a device for whoever runs the program: something of the host's
 * that it stands on fails (a disk's file system is full, a tap interface was
 * removed), or works again. Its driver is told in VIRTIO's own ways; this is the
 * sentence for a log.
 *
 * A device says each kind of trouble once, when it begins, and once when it is
 * over, as far as it knows that: a guest cannot have it repeated at will.
 *
 * Threads: the reports of a device come on the threads of its queues, maybe at
 * once, and on its own.
 */
#ifndef VIRTIO_DEVICES_REPORT_H
#define VIRTIO_DEVICES_REPORT_H

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * For the owner, before queues run: report is told, whichever home the device
 * has. what is a sentence without the device's name; its code is that of the
 * trouble, or 0 where one is over. NULL: nobody is told, as at first.
 */
VIRTDEV_API void virtdev_set_report(struct virtdev *dev,
				    void (*report)(void *opaque,
						   struct virtdev *dev,
						   const struct vsu_error *what),
				    void *opaque);

/* For models; not more often than is said above. */
VIRTDEV_API void virtdev_report(struct virtdev *dev,
				const struct vsu_error *what);

VSU_END_DECLS

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reports of host failures for the operator: a resource of the device fails (the file
 * system is full, a tap interface was removed), or works again. The driver receives
 * errors as VIRTIO defines; a report is a message for a log.
 *
 * A device reports each kind of failure once when it begins and, if it can detect
 * that, once when it ends, so that a guest cannot cause repeated reports.
 *
 * Threads: reports are called on the threads of the queues, possibly concurrently,
 * and on the device's thread.
 */
#ifndef VIRTIO_DEVICES_REPORT_H
#define VIRTIO_DEVICES_REPORT_H

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Sets the callback of the owner; call it before queues run. what is a message without
 * the device's name; its code is the error, or 0 at the end of a failure. NULL
 * (initially): reports are dropped.
 */
VIRTDEV_API void virtdev_set_report(struct virtdev *dev,
				    void (*report)(void *opaque,
						   struct virtdev *dev,
						   const struct vsu_error *what),
				    void *opaque);

/* For device models; at most as often as described above. */
VIRTDEV_API void virtdev_report(struct virtdev *dev,
				const struct vsu_error *what);

VSU_END_DECLS

#endif

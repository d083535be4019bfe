/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Creates and changes the devices that options describe (config/device.h).
 *
 * Threads: the main thread.
 */
#ifndef VMM_DEVICES_H
#define VMM_DEVICES_H

#include <virtio-devices/device.h>
#include <virtio-devices/vhost_kern.h>
#include <vmm-sys-util/error.h>

#include "config/device.h"

/*
 * Parses keys that can change while the device runs, and applies them; what names the
 * command in messages. Other keys of that kind keep their values.
 */
int vmm_device_limit(struct vmm_device_spec *spec, struct virtdev *dev,
		     const char *what, const char *list, struct vsu_error *err);

/* Creates an in-process device. */
int vmm_device_open(const struct vmm_device_spec *spec,
		    const struct devkind_common *machine,
		    struct virtdev **out, struct vsu_error *err);

/* Creates a device whose queues the host's kernel serves. */
int vmm_device_open_kernel(const struct vmm_device_spec *spec,
			   const struct devkind_host *host,
			   struct virtdev_vhost_kern **out,
			   struct vsu_error *err);

#endif

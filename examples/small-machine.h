/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#ifndef SMALL_MACHINE_H
#define SMALL_MACHINE_H

#include <virtio-devices/device.h>

/*
 * A guest sends text and prints the answer. It uses one queue for both, or, of a device
 * with two queues, the second for the text and the first for the answer. The answer may
 * come later. A negative errno: no answer; -ETIMEDOUT after 10 s in which the device had
 * nothing to do.
 */
int machine_ask(struct virtdev *dev, const char *text, struct vsu_error *err);

#endif

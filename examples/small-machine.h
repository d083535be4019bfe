/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#ifndef SMALL_MACHINE_H
#define SMALL_MACHINE_H

#include <virtio-devices/device.h>

/*
 * A guest sends text to the device's first queue and prints the answer. A
 * negative errno: there was none.
 */
int machine_ask(struct virtdev *dev, const char *text, struct vsu_error *err);

#endif

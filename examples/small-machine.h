/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#ifndef SMALL_MACHINE_H
#define SMALL_MACHINE_H

#include <virtio-devices/device.h>

/*
 * A guest that sends text to the device and prints the answer, which may be delayed. If
 * the device has two queues, the text uses the second and the answer the first, else both
 * use the same. Returns a negative errno without an answer; -ETIMEDOUT after 10 s in which
 * the device had no work.
 */
int machine_ask(struct virtdev *dev, const char *text, struct vsu_error *err);

#endif

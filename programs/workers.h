/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Threads that do a device's requests, of a kind that has work for them.
 *
 * Threads: whoever owns the device.
 */
#ifndef PROGRAMS_WORKERS_H
#define PROGRAMS_WORKERS_H

#include <stdint.h>

#include <vmm-sys-util/error.h>

struct prog_workers;
struct virtdev;

/* Of a kind (devices/kind.h): it is done until it is ended. */
struct prog_work {
	int (*work)(struct virtdev *dev);
	void (*work_end)(struct virtdev *dev);
};

/* n threads; 0: *out is NULL. dev outlives them. */
int prog_workers_start(const struct prog_work *work, struct virtdev *dev,
		       uint32_t n, struct prog_workers **out,
		       struct vsu_error *err);

/* Waits for what they are at. NULL is none. */
void prog_workers_end(struct prog_workers *w);

#endif

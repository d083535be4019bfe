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
	/* what it can, without threads that are at it: so many are by now */
	uint32_t (*leave)(struct virtdev *dev);
	uint32_t left_max;
};

/* n threads; 0: *out is NULL. dev outlives them. */
int prog_workers_start(const struct prog_work *work, struct virtdev *dev,
		       uint32_t n, struct prog_workers **out,
		       struct vsu_error *err);

/*
 * Whoever asked for what they do is gone: what can be left is, and there is another
 * thread for each that is at it, as far as there can be. Says how many are.
 */
uint32_t prog_workers_leave(struct prog_workers *w);

/* Waits for what they are at. NULL is none. */
void prog_workers_end(struct prog_workers *w);

#endif

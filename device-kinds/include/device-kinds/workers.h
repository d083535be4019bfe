/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Worker threads of a device whose kind supports them: for requests, or for what takes long
 * in the kernel.
 *
 * Threads: the device's owner.
 */
#ifndef DEVICE_KINDS_WORKERS_H
#define DEVICE_KINDS_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/thread.h>

VSU_BEGIN_DECLS

struct devkind_workers;
struct virtdev;

/* The work of a kind (kind.h): a function that runs until it is ended. */
struct devkind_work {
	int (*work)(struct virtdev *dev);
	void (*work_end)(struct virtdev *dev);
	/*
	 * Detaches blocked requests; returns how many threads are blocked in total. NULL: has
	 * no requests.
	 */
	uint32_t (*detach)(struct virtdev *dev);
	/* Whether this device has work; NULL: always. */
	bool (*is_needed)(const struct virtdev *dev);
	uint32_t detached_max;
};

/*
 * Starts n threads; if n is 0 or there is no work (NULL, or not needed), *out is NULL. threads and dev must outlive
 * them. -E2BIG: n and work->detached_max are more than 2^22 together; -ENOMEM; errors of pthread_create(). After
 * a failure *out is unchanged.
 */
DEVKIND_API int devkind_workers_start(const struct devkind_work *work,
				      const struct vsu_threads *threads, struct virtdev *dev,
				      uint32_t n, struct devkind_workers **out,
				      struct vsu_error *err) VSU_NODISCARD;

/*
 * Call after the front-end has disconnected: detaches blocked requests, and starts a
 * replacement for each blocked thread, up to the maximum. Returns the number of
 * blocked threads.
 */
DEVKIND_API uint32_t devkind_workers_detach(struct devkind_workers *w);

/* Waits for running requests, then frees. NULL is ignored. */
DEVKIND_API void devkind_workers_end(struct devkind_workers *w);

VSU_END_DECLS

#endif

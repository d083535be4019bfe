/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A load of "bench", and the devices that it is for.
 *
 *   load     requests of one kind and size that are in flight at once, for some time
 *   driver   a session with a back-end, which lasts for all its loads
 *   slot     one request in flight; those of a queue are adjacent
 *   floor    the same as plain system calls of one process
 */
#ifndef TOOLS_BENCH_LOAD_H
#define TOOLS_BENCH_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

#include "bench_stats.h"
#include "progress.h"
#include "queues.h"

#define BENCH_MAX_QUEUES 16u
#define BENCH_MAX_DEPTH 256u
#define BENCH_MAX_SIZE (256u * 1024)
#define BENCH_NS_PER_MS UINT64_C(1000000)
#define BENCH_SEED UINT64_C(0x9e3779b97f4a7c15)

struct bench_floor;

/* A kind of request. */
struct bench_request {
	const char *name;
	bool sized;		/* otherwise a load has size 0 */
	bool of_file;		/* requires a load's file */
	int (*floor)(struct bench_floor *f);	/* one call; a negative errno. NULL: none */
};

struct bench_load {
	const char *name;	/* of its rows */
	unsigned int series;	/* of the plot */
	const char *socket;	/* NULL: the floor */
	const struct bench_request *request;
	const char *file;	/* a name in the shared folder; NULL: none */
	uint32_t size;		/* of a request, bytes */
	uint32_t queues, depth;	/* requests at once on each queue */
	uint32_t writes;	/* percentage; the others read */
	uint64_t ms;		/* duration */
	uint64_t timeout_ms;	/* without a completion; 0: for ever */
	uint64_t lost_ms;	/* until a request is lost, if its device may lose some */
};

struct bench_driver {
	const struct bench_device *device;
	struct queues *q;
	void *self;		/* the device's */
	uint32_t stride;	/* slots of a queue */
	uint64_t random;
	const struct bench_load *load;	/* in progress */
};

#define BENCH_NO_SLOT UINT32_MAX

struct bench_device {
	const char *name;
	const char *sizes;	/* the default */
	const char *preset, *all;	/* requests: the default, and all names */
	uint32_t min_size, max_size;
	const struct bench_request *requests;	/* the last one has no name */
	size_t self_size;
	/*
	 * Connects: stores q, once it is open, and stride. The load has the maximum of each
	 * number. Fills in self, which is zero before.
	 */
	enum vsu_exit (*open)(struct bench_driver *d, struct vsu_error *err);
	/* Begins the driver's load. */
	enum vsu_exit (*prepare)(struct bench_driver *d, struct vsu_error *err);
	/* Adds the request of a slot to its ring. */
	enum vsu_exit (*submit)(struct bench_driver *d, uint32_t slot, struct vsu_error *err);
	/* Judges a used buffer: *slot is that of the request that is complete now, if any. */
	enum vsu_exit (*complete)(struct bench_driver *d, const struct queues_used *used,
				  uint32_t *slot, struct vsu_error *err);
	/* Forgets a request, if its buffers are free; NULL: requests are never lost. */
	bool (*lose)(struct bench_driver *d, uint32_t slot);
	const char *all_lost;		/* the cause and the remedy, if no request completed */
};

extern const struct bench_device bench_blk, bench_net, bench_fs;

/* On failure nothing needs to be closed. */
enum vsu_exit bench_open(struct bench_driver *d, const struct bench_device *device,
			 const struct bench_load *most, struct vsu_error *err);
/* Runs the driver's load once, and adds its requests and duration to s. */
enum vsu_exit bench_run(struct bench_driver *d, struct progress *progress, struct bench_stats *s,
			struct vsu_error *err);
void bench_close(struct bench_driver *d, bool in_order);
/* Adds buffers to a ring of the driver. */
enum vsu_exit bench_add(struct bench_driver *d, uint32_t ring, const struct vq_buffer *buffers,
			unsigned int n, uint64_t cookie, struct vsu_error *err);

/* Measures plain calls, one after another. */
enum vsu_exit bench_floor(const struct bench_load *load, struct bench_stats *s,
			  struct vsu_error *err);
int bench_floor_io(struct bench_floor *f);
int bench_floor_send(struct bench_floor *f);
int bench_floor_echo(struct bench_floor *f);
int bench_floor_getattr(struct bench_floor *f);

/* Pseudo-random numbers, the same ones in each run. */
uint64_t bench_random(uint64_t *state);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A vhost-user session with one ring that survives kills and restarts of its
 * back-end: the library repeats requests in flight. Failures end the process
 * with status 1 and a message.
 */
#ifndef INTEROP_LASTING_H
#define INTEROP_LASTING_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <vhost/frontend.h>
#include <virtio-queue/driver.h>
#include <vm-memory/map.h>

#define LASTING_RING_SIZE 64u
/* Guest address of memory and rings. */
#define LASTING_BASE UINT64_C(0x100000)
#define LASTING_ROOM UINT64_C(0x10000)

/* Time limit of a request, long enough for a heavily loaded machine. */
#define PATIENCE_MS 60000

struct lasting_config {
	const char *socket;
	uint64_t features;
	/* bytes from LASTING_BASE on; each ring has LASTING_ROOM of them */
	uint64_t memory;
	/* index of the ring in use; the earlier ones exist, too */
	uint32_t ring;
	bool reconnect;
};

struct lasting {
	struct lasting_config config;
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	struct vq_driver *driver;
	struct vq_driver *before;	/* of a ring that is not in use, or NULL */
	int kick_fd, call_fd;
	unsigned int lost, back;	/* number of callbacks */
	uint64_t finished_back;		/* requests completed since the last back */
};

void VSU_PRINTF(1, 2) lasting_fail(const char *fmt, ...);

/* The error that MUST prints. */
extern struct vsu_error lasting_why;
#define MUST(call) \
	do { \
		if ((call) < 0) \
			lasting_fail("%s: %s", #call, lasting_why.msg); \
	} while (0)

void lasting_open(struct lasting *l, const struct lasting_config *config);
/* Frees everything; with in_order, stops the ring first. */
void lasting_close(struct lasting *l, bool in_order);

unsigned char *lasting_at(const struct lasting *l, uint64_t gpa, uint64_t len);
/* Makes the added requests available to the device. */
void lasting_publish(struct lasting *l);
/* Handles all completions; if there are none, waits for an event. */
void lasting_wait(struct lasting *l, int ms,
		  void (*finish)(void *opaque, uint64_t cookie, uint32_t written),
		  void *opaque);

/* A pseudo-random number (xorshift) from 0 to below - 1. */
uint32_t lasting_random(uint64_t *seed, uint32_t below);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A vhost-user session with one ring of requests that lives while its back-end is
 * killed and begun again: what was in flight is asked for anew by the library.
 * Whatever goes wrong ends the process with 1 and a line.
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
/* Of memory and rings. */
#define LASTING_BASE UINT64_C(0x100000)
#define LASTING_ROOM UINT64_C(0x10000)

/* Nothing that is served takes so long, whatever else the machine does. */
#define PATIENCE_MS 60000

struct lasting_config {
	const char *socket;
	uint64_t features;
	uint64_t memory;	/* bytes, from LASTING_BASE on; each ring has
				   LASTING_ROOM of them */
	uint32_t ring;		/* the one that is used; those before it are there */
	bool reconnect;
};

struct lasting {
	struct lasting_config config;
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	struct vq_driver *driver;
	struct vq_driver *before;	/* of a ring that is not used, or NULL */
	int kick_fd, call_fd;
	unsigned int lost, back;	/* calls of the session */
	uint64_t finished_back;		/* requests finished since the last one */
};

void VSU_PRINTF(1, 2) lasting_fail(const char *fmt, ...);

/* The sentence of MUST. */
extern struct vsu_error lasting_why;
#define MUST(call) \
	do { \
		if ((call) < 0) \
			lasting_fail("%s: %s", #call, lasting_why.msg); \
	} while (0)

void lasting_open(struct lasting *l, const struct lasting_config *config);
/* The ring is given back where in_order, and all is freed. */
void lasting_close(struct lasting *l, bool in_order);

unsigned char *lasting_at(const struct lasting *l, uint64_t gpa, uint64_t len);
/* Requests that were added go to the device. */
void lasting_publish(struct lasting *l);
/* Takes all that is finished, or waits for something. */
void lasting_wait(struct lasting *l, int ms,
		  void (*finish)(void *opaque, uint64_t cookie, uint32_t written),
		  void *opaque);

/* xorshift: from 0 to below. */
uint32_t lasting_random(uint64_t *seed, uint32_t below);

#endif

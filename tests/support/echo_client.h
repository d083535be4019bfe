/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver of an echo_server: a front-end with virtqueues in shared memory.
 */
#ifndef SUPPORT_ECHO_CLIENT_H
#define SUPPORT_ECHO_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/frontend.h>
#include <vhost/shmem.h>
#include <virtio-queue/driver.h>
#include <vm-memory/map.h>

#include "echo_server.h"

#define ECHO_RING_SIZE 64u
#define ECHO_LEN 96u		/* bytes of a request */

struct echo_ring {
	struct vq_driver *driver;
	int kick_fd, call_fd;
	uint64_t base_gpa;	/* of ring and buffers */
	uint64_t sent, done;	/* requests */
};

struct echo_client {
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	uint64_t features;
	unsigned int nrings;
	struct echo_ring rings[ECHO_RINGS];

	/* what the front-end told */
	bool ready, started, stopped, config, memory, failed, changed;
	int memory_code;
	uint32_t bases[ECHO_RINGS];
	uint32_t config_len;
	uint8_t config_bytes[256];
	struct vsu_error err;

	/* the one mapping in shared memory region 0; referenced */
	struct vmem_block *mapping;
	uint64_t mapping_at;
	bool mapped;
	bool hold;			/* an unmap does not drop it */

	/* in the single-threaded case: gets a turn whenever we wait */
	struct echo_server *server;
};

/* Takes the socket over and makes nrings rings; aborts when that fails. */
void echo_client_init(struct echo_client *c, int sock, unsigned int nrings,
		      uint64_t features);
void echo_client_fini(struct echo_client *c);

/* Waits for *flag; false when the session failed instead. */
bool echo_client_wait(struct echo_client *c, const bool *flag);

/* Starts all rings and waits until they run. */
bool echo_client_start(struct echo_client *c);
bool echo_client_stop(struct echo_client *c);

/*
 * Sends n requests over a ring, as many at once as fit, and checks each
 * answer. False at the first wrong one, or when the session fails.
 */
bool echo_client_run(struct echo_client *c, unsigned int ring, uint64_t n);

/* Another region of shared memory in c->map, which is replaced; not sent. */
void echo_client_grow(struct echo_client *c, uint64_t gpa, uint64_t len);

#endif

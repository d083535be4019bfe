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
#define ECHO_LEN 96u		/* size of a request */

struct echo_ring {
	struct vq_driver *driver;
	int kick_fd, call_fd;
	uint64_t base_gpa;	/* of the areas and buffers of the ring */
	uint64_t sent, done;	/* requests */
};

struct echo_client {
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	uint64_t features;
	unsigned int nrings;
	struct echo_ring rings[ECHO_RINGS];

	/* callbacks of the front-end */
	bool ready, started, stopped, config, memory, failed, changed;
	int memory_code;
	uint32_t bases[ECHO_RINGS];
	uint32_t config_len;
	uint8_t config_bytes[256];
	struct vsu_error err;

	/* the only mapping in shared memory region 0; holds a reference */
	struct vmem_block *mapping;
	uint64_t mapping_at;
	bool mapped;
	bool hold;			/* keep the reference at an unmap */

	/* if single-threaded: the server to run while the client waits */
	struct echo_server *server;
};

/* Owns the socket and creates nrings rings; aborts on failure. */
void echo_client_init(struct echo_client *c, int sock, unsigned int nrings,
		      uint64_t features);
void echo_client_fini(struct echo_client *c);

/* Waits for *flag; false if the session failed. */
bool echo_client_wait(struct echo_client *c, const bool *flag);

/* Starts all rings and waits until they run. */
bool echo_client_start(struct echo_client *c);
bool echo_client_stop(struct echo_client *c);

/*
 * Sends n requests over a ring, with as many in flight as fit, and checks each
 * reply. False at the first wrong reply, or if the session fails.
 */
bool echo_client_run(struct echo_client *c, unsigned int ring, uint64_t n);

/* Adds a region to c->map without sending it. */
void echo_client_grow(struct echo_client *c, uint64_t gpa, uint64_t len);

#endif

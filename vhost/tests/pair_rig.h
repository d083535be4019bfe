/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The library's front-end and back-end at both ends of a socket, on one thread,
 * with one ring of PAIR_SIZE entries. Tests may set further ops of either
 * before pair_open(); opaque is the pair.
 */
#ifndef TESTS_PAIR_RIG_H
#define TESTS_PAIR_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/backend.h>
#include <vhost/frontend.h>
#include <vhost/frontend_device.h>
#include <vhost/protocol.h>

#include "suite.h"

#define PAIR_MEMORY	(UINT64_C(1) << 20)
#define PAIR_SIZE	16u

struct pair {
	struct vhost_user_backend *b;	/* NULL after the session has ended */
	struct vhost_user_frontend *f;
	struct vhost_user_backend_ops back_ops;
	struct vhost_user_frontend_ops front_ops;
	struct vhost_user_frontend_device_ops device_ops;
	struct vhost_user_backend_config back_config;
	struct vhost_user_frontend_config front_config;
	struct vmem_map *map;
	/*
	 * of the ring; kick and call may be closed and set to -1 before
	 * pair_run()
	 */
	int kick, call, err;
	unsigned int runs, stops;
	uint32_t base;			/* as of the last stop */
	unsigned int front_refused, back_refused;
	struct vsu_error refusal;	/* the last one, of either side */
	int fds_before;
};

void pair_init(struct pair *p);
/* Creates both ends and completes their handshake. */
void pair_open(struct pair *p);
/* Creates guest memory and passes it to the front-end. */
void pair_set_memory(struct pair *p);
/* Sets memory and starts the ring. */
void pair_run(struct pair *p);
void pair_fini(struct pair *p);
/* Dispatches both ends until neither makes progress. */
void pair_settle(struct pair *p);

#endif

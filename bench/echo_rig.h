/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A front-end on the calling thread and an echo server on another one, for
 * benchmarks of the protocol and of a back-end's data path.
 */
#ifndef BENCH_ECHO_RIG_H
#define BENCH_ECHO_RIG_H

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vhost/frontend.h>
#include <virtio-queue/driver.h>
#include <vm-memory/map.h>

#include "echo_server.h"

#define ECHO_RIG_FEATURES (UINT64_C(1) << 32 | UINT64_C(1) << 29)
#define ECHO_RIG_RING_SIZE 256u
/* Guest address behind the rings, in region 0. */
#define ECHO_RIG_DATA 0x40000u

struct echo_rig {
	struct echo_server server;
	pthread_t thread;
	struct vhost_user_frontend *fe;
	struct vmem_map *map;		/* what set_memory() is given */
	unsigned int nrings;
	struct vq_driver *driver[ECHO_RINGS];
	int kick_fd[ECHO_RINGS], call_fd[ECHO_RINGS];
	bool ready, started, stopped, config, memory, failed;
};

/* Prints the error and ends the program. */
_Noreturn void echo_rig_die(const char *what, const struct vsu_error *err);

/* Seals of memfds, as QEMU and cvmm set them. */
#define ECHO_RIG_SEALS (F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* n regions of 2 MiB, 4 MiB apart, from 0. seals: F_SEAL_*, or 0. */
struct vmem_map *echo_rig_new_map(unsigned int n, int seals);

/*
 * Starts a server on a new thread and returns a socket connected to it; no
 * front-end yet. Keeps a reference on map.
 */
int echo_rig_open(struct echo_rig *p, unsigned int nrings, struct vmem_map *map);

/* protocol: requested protocol features, 0 for all. Returns immediately. */
void echo_rig_connect(struct echo_rig *p, int sock, uint64_t protocol);

/* Serves the session until *flag. */
void echo_rig_wait(struct echo_rig *p, const bool *flag);

/* From ready to started, and back to stopped. */
void echo_rig_start(struct echo_rig *p);
void echo_rig_stop(struct echo_rig *p);

/* Ends both sides. */
void echo_rig_close(struct echo_rig *p);

#endif

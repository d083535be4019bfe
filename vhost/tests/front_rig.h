/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A front-end with a scripted back-end. setup() and teardown() create and free
 * both; teardown() fails if the number of open descriptors has changed.
 */
#ifndef TESTS_FRONT_RIG_H
#define TESTS_FRONT_RIG_H

#include <check.h>
#include <stdbool.h>
#include <stdint.h>

#include <vhost/frontend.h>
#include <vhost/shmem.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>

#include "peer.h"

#define MIB (UINT64_C(1) << 20)
#define VERSION_1 (UINT64_C(1) << 32)
#define NRINGS 2u
#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define SHARED (VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED)

/* Counts and arguments of the owner's callbacks. */
struct owner_calls {
	unsigned int ready, started, stopped, config, changed, failed;
	unsigned int memory, refused, shmem, changes;
	uint32_t bases[8], nbases, config_len;
	unsigned char config_bytes[256];
	int memory_code;
	struct vsu_error err, refusal;
};

extern struct owner_calls notified;
extern struct peer peer;
extern struct vhost_user_frontend *fe;
extern struct vmem_map *map;
extern int kick_fd, call_fd;
/* May be changed before open_session(). */
extern struct vhost_user_frontend_config config;
extern struct vhost_user_frontend_ops front_ops;
/* If not NULL, receives the changes of shared memory. */
extern void (*on_changes)(struct vhost_user_shmem_change *changes,
			  unsigned int n);
/* If not NULL, called when the configuration changes. */
extern void (*on_config_changed)(void *opaque);

void setup(void);
void teardown(void);

/* A case with these fixtures. Its tests may take two minutes. */
TCase *front_case(Suite *s, const char *name, SFun before, SFun after);

void open_session(void);
/* Opens the session and completes the handshake. */
void become_ready(void);
/* Sets memory and rings and calls start; dispatches nothing. */
void begin_start(void);
void begin_start_with(uint64_t features);
/* begin_start(), then dispatches until neither side makes progress. */
void run(void);

/* Dispatches both sides until neither makes progress. */
void dispatch_both(void);
bool readable(int fd);
enum vhost_user_frontend_state state(void);

int new_memfd(uint64_t size);
struct vmem_region *new_region(uint64_t gpa, uint64_t len, uint32_t flags);
/* Adds one region to map. */
void grow_map_flags(uint64_t gpa, uint64_t len, uint32_t flags);
void grow_map(uint64_t gpa, uint64_t len);
void describe_rings(unsigned int n);

/* The peer's reply to one request deviates as given. */
void deviate(enum peer_deviation how, uint32_t at);
/* The end of the back-end channel was reported once; the session is open. */
void assert_channel_closed(int code, const char *words);
/* The session has died and was reported once, with this code and text. */
void assert_dead(int code, const char *words);

#endif

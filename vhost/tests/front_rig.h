/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A front-end with a scripted back-end, for the tests of the front-end: setup()
 * and teardown() make and end the rig; teardown() compares the number of open
 * descriptors with that of setup().
 */
#ifndef TESTS_FRONT_RIG_H
#define TESTS_FRONT_RIG_H

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

/* Calls of the owner's ops. */
struct told {
	unsigned int ready, started, stopped, config, changed, failed;
	unsigned int memory, refused, shmem, changes;
	uint32_t bases[8], nbases, config_len;
	unsigned char config_bytes[256];
	int memory_code;
	struct vsu_error err, refusal;
};

extern struct told told;
extern struct peer peer;
extern struct vhost_user_frontend *fe;
extern struct vmem_map *map;
extern int kick_fd, call_fd;
/* May be changed before open_session(). */
extern struct vhost_user_frontend_config config;
extern struct vhost_user_frontend_ops front_ops;
/* Gets the changes of shared memory, when it is set. */
extern void (*on_changes)(struct vhost_user_shmem_change *changes,
			  unsigned int n);
/* Called when the configuration changed, when it is set. */
extern void (*on_config_changed)(void *opaque);

void setup(void);
void teardown(void);

void open_session(void);
/* Open, and neither side has anything left to do. */
void become_ready(void);
/* Memory and rings are set; start was called, nobody dispatched yet. */
void begin_start(void);
void begin_start_with(uint64_t features);
/* The same, until neither side has anything left to do. */
void run(void);

/* Both sides go on until neither has anything to do. */
void dispatch_both(void);
bool readable(int fd);
enum vhost_user_frontend_state state(void);

int new_memfd(uint64_t size);
struct vmem_region *new_region(uint64_t gpa, uint64_t len, uint32_t flags);
/* map becomes map plus one region. */
void grow_map_flags(uint64_t gpa, uint64_t len, uint32_t flags);
void grow_map(uint64_t gpa, uint64_t len);
void describe_rings(unsigned int n);

/* The peer deviates in its answer to one request. */
void twist(enum peer_twist how, uint32_t at);
/* Told once that the back-end channel is closed, and the session goes on. */
void assert_channel_closed(int code, const char *words);
/* Dead, told once, with this code and these words. */
void assert_dead(int code, const char *words);

#endif

/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rig of the DAX window tests: a file of slightly more than three chunks, a server that
 * maps immediately or on demand, and requests whose replies may be deferred.
 */
#ifndef VIRTIO_DEVICES_TESTS_FS_DAX_RIG_H
#define VIRTIO_DEVICES_TESTS_FS_DAX_RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs-rig.h"

#define CHUNK VIRTDEV_FS_WINDOW_ALIGN
#define CHUNKS 4u
#define MAX_CHUNKS 2050u	/* of a window that a test configures */

struct dax_server {
	unsigned int maps, unmaps;
	struct virtdev_mapping last;
	int flags;		/* of the last mapped descriptor */
	int answer;
	bool knows_place;	/* as a server that maps immediately */
	unsigned int asked;	/* changes received; answered of them */
	unsigned int answered;
	bool answers_inside;	/* another change, from within each change */
	uint64_t cookies[64];
	pthread_t thread;	/* serves the queue */
	bool mapped[MAX_CHUNKS];	/* with immediate mapping: mapped chunks */
};

extern struct fs_rig dax;
extern struct dax_server dax_server;

/* at_once: the server knows the region's address and maps immediately. */
void dax_begin(bool read_only, bool at_once, unsigned int workers);
void dax_end(void);

/* Replaces the device by a new one with the same server. */
void dax_renew(void);

/* Changes the size of "file" as another process of the host. */
void dax_set_size(uint64_t size);

/* Maps and waits for the reply; returns its error. */
int dax_map(uint64_t node, uint64_t file_at, uint64_t len, uint64_t at,
	    uint64_t flags);
int dax_unmap(uint64_t at, uint64_t len);

/* Answers the n oldest pending changes as the server. */
void dax_answer(unsigned int n, int result);
void dax_answer_all(void);

/* Posts a request whose reply may be deferred. */
void dax_post(uint64_t number, uint32_t opcode, uint64_t node,
	      const void *args, uint32_t len);
void dax_post_map(uint64_t number, uint64_t node, uint64_t file_at,
		  uint64_t len, uint64_t at, uint64_t flags);
/* Returns the number of new replies, and the error of the last one. */
unsigned int dax_collect(int *error);

/* Waits until the server has received n changes: workers may start late. */
void dax_serve_until_asked(unsigned int n);
/* Waits for exactly one reply; returns its error. */
int dax_await(void);

#endif
